"""Rehearsal, attempt and closeout: true ones verify whatever they say, and each lie is named by its own rule."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from console.evidence.checks.outcomes import attempt, closeout, rehearsal, rules_citation
from console.evidence.checks.outcomes.attempt import check_attempt
from console.evidence.checks.outcomes.closeout import check_closeout
from console.evidence.checks.outcomes.rehearsal import check_rehearsal
from console.evidence.checks.verdict import Verdict
from console.evidence.models import BUNDLE_FILE
from console.evidence.outcomes.closed_bundle import open_closed
from console.evidence.outcomes.places import write_document
from console.evidence.outcomes.rehearsal import rehearsal_report
from tests.checks.forge import forge
from tests.checks.lies import Lies
from tests.checks.resealing import rewrite
from tests.outcomes.conftest import LANE, Kept, keep
from tests.outcomes.false_documents import LIES, OTHER, Body, Lie

CHECKERS: dict[str, Callable[..., Verdict]] = {
    "rehearsal": check_rehearsal,
    "evidence_bundle": check_attempt,
    "closeout": check_closeout,
}


def _rules(kept: Kept, kind: str) -> list[str]:
    return [finding.rule for finding in CHECKERS[kind](kept.document(kind)).findings]


@pytest.mark.parametrize("kind", CHECKERS)
def test_a_promoted_runs_document_verifies(kind: str, promoted: Kept) -> None:
    assert CHECKERS[kind](promoted.document(kind)).findings == ()


@pytest.mark.parametrize("kind", CHECKERS)
def test_a_refused_runs_document_verifies(kind: str, refused: Kept) -> None:
    assert CHECKERS[kind](refused.document(kind)).findings == ()


def test_a_rehearsal_with_every_phase_measured_says_go(promoted: Kept) -> None:
    report = json.loads(promoted.document("rehearsal").read_bytes())

    assert (report["recommendation"], report["remaining_blockers"]) == ("go", [])
    assert {phase["evidence_posture"] for phase in report["phases"]} == {"measured"}


def test_a_rehearsal_whose_bundle_nobody_watched_says_no_go(promoted: Kept) -> None:
    report = rehearsal_report(promoted.run)

    assert report.recommendation == "no_go"
    assert [item.blocker for item in report.remaining_blockers] == ["phase_not_measured:bundle"]


def test_a_refused_gate_leaves_skipped_stages_and_no_promotion(refused: Kept) -> None:
    evidence = json.loads(refused.document("evidence_bundle").read_bytes())
    stages = {stage["stage_id"]: stage["disposition"] for stage in evidence["stages"]}

    assert evidence["live_attempt_disposition"] == "refused"
    assert stages.pop("bringup_gate") == "refused"
    assert set(stages.values()) <= {"skipped", "failed"}
    assert evidence["promotion_outcome"] == {"disposition": "no_promotion", "missing_gates": ["promotion_not_reached"]}


def test_both_ends_of_a_closeout_are_reachable(promoted: Kept, refused_bundle: Path, tmp_path: Path) -> None:
    target = tmp_path / "other" / "bundle"
    shutil.copytree(refused_bundle, target)
    good, bad = (json.loads(kept.document("closeout").read_bytes()) for kept in (promoted, keep(target)))

    assert [gate["passed"] for gate in good["closeout_gates"]] == [True] * 5
    assert [gate["passed"] for gate in bad["closeout_gates"]] == [False] * 5
    assert (good["merge_disposition"], good["publish_disposition"]) == ("merged", "not_requested")
    assert (bad["merge_disposition"], bad["publish_disposition"]) == ("no_merge", "refused")


def test_a_restarted_coordinators_clocks_are_not_subtracted(tmp_path: Path) -> None:
    run = open_closed(forge(tmp_path, Lies(restart_before="replay_judged")))
    phases = {phase.phase_id: phase for phase in rehearsal_report(run, bundle_ms=1).phases}

    assert (phases["replay"].evidence_posture, phases["replay"].wallclock_ms) == ("not_measured", None)
    assert phases["train"].evidence_posture == "measured"


def test_a_stand_ins_figures_are_simulated_and_still_block(refused: Kept, promoted_bundle: Path) -> None:
    shutil.copytree(promoted_bundle, refused.home.parent / "forged-run-1" / "bundle")
    report = rehearsal_report(refused.run, stand_in=open_closed(promoted_bundle))
    write_document(refused.document("rehearsal").parent, LANE, "rehearsal", report)

    postures = [phase.evidence_posture for phase in report.phases]

    assert postures == ["measured"] * 2 + ["simulated"] * 7 + ["not_measured"]
    assert report.recommendation == "no_go"
    assert _rules(refused, "rehearsal") == []


def test_a_missing_document_a_missing_bundle_and_a_stale_link_are_three_findings(promoted: Kept) -> None:
    path = promoted.document("rehearsal")
    shutil.move(promoted.run.folder, promoted.home / "elsewhere")
    assert _rules(promoted, "rehearsal") == ["cited_bundle_is_there"]
    assert check_rehearsal(path, bundle=promoted.home / "elsewhere").consistent

    shutil.move(promoted.home / "elsewhere", promoted.run.folder)
    rewrite(path, lambda body: body["run"].update(bundle_sha256=OTHER))
    assert _rules(promoted, "rehearsal") == ["cited_bundle_is_this_one"]

    path.unlink()
    assert _rules(promoted, "rehearsal") == ["document_is_there"]


def test_a_document_about_a_bundle_that_was_changed_is_refused(promoted: Kept) -> None:
    audit = promoted.run.folder / "audit.md"
    audit.write_bytes(audit.read_bytes() + b"It went well.\n")

    assert _rules(promoted, "closeout") == ["cited_bundle_verifies"]


def test_another_closeouts_evidence_bundle_is_a_stale_link_and_none_is_a_missing_file(promoted: Kept) -> None:
    rewrite(promoted.document("closeout"), lambda body: body.update(attempt_evidence_digest=OTHER))
    assert _rules(promoted, "closeout") == ["attempt_link_is_current"]

    promoted.document("evidence_bundle").unlink()
    assert _rules(promoted, "closeout") == ["attempt_evidence_is_there"]


def test_a_run_named_by_the_bundles_file_is_found_too(promoted: Kept) -> None:
    assert check_attempt(promoted.document("evidence_bundle"), bundle=promoted.run.folder / BUNDLE_FILE).consistent


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.name)
def test_a_resealed_lie_is_refused_by_its_rule_alone(lie: Lie, request: pytest.FixtureRequest) -> None:
    kept: Kept = request.getfixturevalue(lie.of)
    rewrite(kept.document(lie.kind), lie.edit)

    assert set(_rules(kept, lie.kind)) == {lie.rule}


def test_a_bundle_phase_of_a_run_that_never_scored_is_refused(refused: Kept) -> None:
    def edit(body: Body) -> None:
        body["phases"][9].update(evidence_posture="measured", basis="operator_clock", wallclock_ms=10)

    rewrite(refused.document("rehearsal"), edit)
    assert _rules(refused, "rehearsal")[0] == "bundle_phase_needs_a_scored_run"


def test_simulated_figures_without_their_run_are_refused(refused: Kept, promoted_bundle: Path) -> None:
    report = rehearsal_report(refused.run, stand_in=open_closed(promoted_bundle))
    write_document(refused.document("rehearsal").parent, LANE, "rehearsal", report)

    assert _rules(refused, "rehearsal") == ["simulated_phases_are_the_stand_ins"]


def test_every_rule_of_a_document_has_a_lie_or_a_test_of_its_own() -> None:
    shown = {lie.rule for lie in LIES}
    elsewhere = {
        "bundle_phase_needs_a_scored_run",
        "simulated_phases_are_the_stand_ins",
        "attempt_evidence_is_there",
        "attempt_link_is_current",
    }
    rules = {r.__name__ for r in (*rules_citation.THEN, *rehearsal.RULES, *attempt.RULES, *closeout.RULES)}

    assert rules - shown == elsewhere


@pytest.mark.parametrize("kind", CHECKERS)
def test_a_changed_byte_anywhere_in_a_document_is_found(kind: str, promoted: Kept) -> None:
    path = promoted.document(kind)
    data = path.read_bytes()
    for place in range(0, len(data), max(1, len(data) // 12)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert _rules(promoted, kind), place
