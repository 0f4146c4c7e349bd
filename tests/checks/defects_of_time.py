"""Lies about time, about trouble that was met and passed over, and about what all of it is worth."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.checks.defects import Body, Defect, coordinator, document, first, said, sets
from tests.checks.forged_hosts import LINUX, MAC
from tests.checks.forged_journal import Said
from tests.checks.lies import Lies, Records
from tests.checks.resealing import rewrite

Edit = Callable[[Records], Records]
LATE_MS = 60_000
BUNDLE = "first_swarm_real_run_bundle.json"
RECEIPT = f"retained_artifacts/{LINUX}/contributor_receipt.json"
NOWHERE = {"file": "none", "offset": 0, "sha256": "0" * 64, "next_seq": 0}
FINDING = {"rule": "norm", "expected": "1", "got": "2"}


def _after(kind: str, node: str | None, record: str, body: Body) -> Edit:
    """A record right after the first one of a kind, at the same moment."""

    def apply(records: Records) -> Records:
        before = first(records, kind, node)
        place = records.index(before) + 1
        return [*records[:place], Said(record, body, before.mono_ms), *records[place:]]

    return apply


def _late(records: Records) -> Records:
    """The second contribution, and everything after it, came a minute later."""
    place = records.index(first(records, "contribution_seen", LINUX))
    return records[:place] + [replace(record, mono_ms=record.mono_ms + LATE_MS) for record in records[place:]]


def _late_but(*edits: Edit) -> Callable[[], Lies]:
    def apply(records: Records) -> Records:
        for edit in (_late, *edits):
            records = edit(records)
        return records

    return coordinator(apply)


def _measured_too_early(records: Records) -> Records:
    measured = first(records, "skew_measured", None)
    measured.body["skew_ms"] = 0
    rest = [record for record in records if record is not measured]
    place = rest.index(first(rest, "contribution_seen", LINUX))
    return [*rest[:place], replace(measured, mono_ms=rest[place - 1].mono_ms), *rest[place:]]


def _clock_back(records: Records) -> Records:
    return records[:6] + [replace(record, mono_ms=record.mono_ms - 50_000) for record in records[6:]]


def _met(kind: str, **body: Any) -> Callable[[], Lies]:
    return coordinator(_after("window_opened", None, kind, {"node_id": LINUX, **body}))


def _fell(after: str) -> Body:
    return {"before": "live", "after": after, "beat_age_ms": 7600, "bound_ms": 5000, "departure": None,
            "cause": "no heartbeat", "head": None}  # fmt: skip


def _refused_checkpoint(records: Records) -> Records:
    head = first(records, "checkpoint_kept", LINUX).body["head"]
    body = {"node_id": LINUX, "step": 2, "reason": "not_as_journaled", "findings": [FINDING], "head": head}
    return _after("checkpoint_kept", LINUX, "checkpoint_refused", body)(records)


def _tolerances(**bounds: float) -> Callable[[], Lies]:
    def edit(body: Body) -> None:
        for pair in body["governance"]["tolerances"]:
            pair.update(bounds)

    return lambda: Lies(contract=edit)


def _document_after(path: str, edit: Callable[[Body], None]) -> Callable[[Path], None]:
    return lambda bundle: rewrite(bundle / path, edit)


def _prose(bundle: Path) -> None:
    audit = bundle / "audit.md"
    audit.write_text(audit.read_text().replace("What ran", "What a hundred H100 ran"))


TIME = (
    Defect("skew_of_one_with_itself", "skew_is_the_measured_one", _late_but(
        said("skew_measured", sets(skew_ms=0, first=MAC, last=MAC))
    )),
    Defect("skew_from_the_last_to_the_first", "skew_is_the_measured_one", _late_but(
        said("skew_measured", sets(skew_ms=0, first=LINUX, last=MAC))
    )),
    Defect("skew_measured_before_the_last_came", "skew_is_the_measured_one", _late_but(_measured_too_early)),
    Defect("skew_excused_by_lateness_that_no_clock_has", "lateness_fits_the_clock", _late_but(
        _after("contribution_seen", MAC, "observer_gap", {"gap_ms": LATE_MS, "cause": "slow_loop"})
    )),
    Defect("coordinators_clock_goes_back", "clocks_go_on", coordinator(_clock_back)),
    Defect("takeover_after_an_hour_that_was_none", "lateness_fits_the_clock", lambda: Lies(
        restart_before="window_opened",
        coordinator=lambda records: records,
        lines={"coordinator again": lambda line: line["body"].update(gap_ms=3_600_000)
               if line["kind"] == "epoch_opened" else None},
    )),
    Defect("tokens_never_presented", "figures_follow_from_the_work", document(RECEIPT, sets(tokens_presented=10**9))),
    Defect("tokens_never_trained", "figures_follow_from_the_work", document(RECEIPT, sets(tokens_trained=10**9))),
    Defect("trained_in_no_time", "figures_follow_from_the_work", document(RECEIPT, sets(train_seconds=1e-4))),
    Defect("trained_longer_than_it_lived", "figures_follow_from_the_work", document(
        RECEIPT, sets(train_seconds=60.0)
    )),
)  # fmt: skip
IGNORED: tuple[tuple[str, Callable[[], Lies]], ...] = (
    ("stale_and_promoted", _met("runner_changed", **_fell("stale"))),
    ("lost_and_promoted", _met("runner_changed", **_fell("lost"))),
    ("rejected_and_then_accepted", coordinator(_after("replay_judged", LINUX, "contribution_judged", {
        "node_id": LINUX, "disposition": "rejected", "findings": [],
    }))),
    ("checkpoint_refused_and_promoted", coordinator(_refused_checkpoint)),
    ("unprepared_and_promoted", _met("preparation_failed", reason="crashed", detail="gone")),
    ("admission_refused_and_promoted", coordinator(_after("bringup_received", LINUX, "admission_decided", {
        "node_id": LINUX, "outcome": "refused", "reason": "wrong_token", "detail": "", "token_custody": "proved",
        "receipt_digest": None, "node_public_key": None,
    }))),
    ("gate_refused_and_promoted", coordinator(_after("bringup_received", LINUX, "bringup_refused", {
        "node_id": LINUX, "reason": "refused_machine_contract", "detail": "", "report_digest": None,
    }))),
    ("validation_failed_and_promoted", coordinator(_after("skew_measured", None, "work_failed", {
        "activity": "replay", "detail": "ended by a signal",
    }))),
    ("journal_broken_and_promoted", _met("journal_broken", reason="broken_chain", detail="forked", head=NOWHERE)),
)  # fmt: skip
TROUBLE = tuple(Defect(name, "trouble_ended_the_attempt", told) for name, told in IGNORED)
CLAIMS = (
    Defect("one_machine_for_two_nodes", "members_are_the_admitted_nodes", lambda: Lies(one_key=True)),
    Defect("bounds_that_let_all_work_by", "bounds_confirm_something", _tolerances(
        relative_bound=1e9, delta_floor=1e9, moment_floor=1e9, loss_bound=1e9
    )),
    Defect("bounds_a_little_too_wide", "bounds_confirm_something", _tolerances(loss_bound=2e-3)),
    Defect("a_worse_merge_would_do", "a_merge_must_improve", lambda: Lies(
        contract=lambda body: body["governance"].update(minimum_improvement=-100.0)
    )),
    Defect("bundle_that_claims_two_continents", "claims_are_not_widened", after=_document_after(
        BUNDLE, lambda body: body.update(claim_boundary="Proves mixed hardware on two continents.")
    )),
    Defect("report_that_claims_the_truth", "claims_are_not_widened", after=_document_after(
        "coordinator_runtime_report.json", sets(claim_boundary="All of this is proven.")
    )),
    Defect("reason_as_if_published", "claims_are_not_widened", after=_document_after(
        BUNDLE, sets(publish_reason="it is on the hub already")
    )),
    Defect("audit_of_another_cluster", "audit_tells_the_records", after=_prose),
    Defect("coordinator_that_lived_another_day", "coordinator_report_repeats_the_journal", after=_document_after(
        "coordinator_runtime_report.json", sets(started_wall_ms=1, finished_wall_ms=2)
    )),
    Defect("report_without_its_nodes", "coordinator_report_repeats_the_journal", after=_document_after(
        "coordinator_runtime_report.json", sets(nodes=[])
    )),
    Defect("endpoints_left_out", "endpoints_are_kept_apart", after=_document_after(
        "operator_manifest.json", sets(endpoints=[])
    )),
    Defect("validated_by_another_backend", "endpoints_are_kept_apart", after=_document_after(
        "operator_manifest.json", sets(replay_backend="torch")
    )),
    Defect("plan_of_another_dataset", "manifests_stand_behind_the_plan", document(
        "contract/window_plan.json", sets(dataset_sha256="e" * 64)
    )),
)  # fmt: skip
DEFECTS = (*TIME, *TROUBLE, *CLAIMS)
