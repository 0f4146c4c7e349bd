"""The readable account: what ran, what was verified, figures, failures met, and what it does not prove."""

from pathlib import Path

import pytest

from console.evidence.checks.real_run import check_real_run
from console.evidence.outcomes.closed_bundle import ClosedBundle, open_closed
from console.evidence.outcomes.later_audit import later_audit
from console.evidence.outcomes.places import publications_dir
from console.evidence.outcomes.publication import PublicationReport
from tests.checks.forge import forge
from tests.checks.forged_ends import ENDS
from tests.checks.lies import Lies
from tests.outcomes.conftest import Kept
from tests.outcomes.publishing import REPORT_FILE, publish_forged, write_checkpoint

SECTIONS = (
    "## What ran", "## What was verified", "## Figures", "## Met on the way", "## What it proves, and what it does not",
    "## The bundle, looked at afterwards", "## What happened later",
)  # fmt: skip


def told(run: ClosedBundle, publication: PublicationReport | None = None) -> str:
    return later_audit(run, check_real_run(run.folder), publication)


def met(text: str) -> str:
    return text.split("## Met on the way")[1].split("\n## ", maxsplit=1)[0]


def test_a_promoted_runs_figures_are_those_of_its_receipts(promoted: Kept) -> None:
    run, text = promoted.run, told(promoted.run)
    assert run.scores is not None and run.promotion is not None

    assert [line for line in text.splitlines() if line.startswith("## ")] == list(SECTIONS)
    assert all(f"| {score.subject} | {score.mean_loss:.6f} |" in text for score in run.scores.scores)
    assert all(f"- {gate.gate}: {gate.value} ({gate.threshold})" in text for gate in run.promotion.gates)
    assert "Nothing out of the ordinary." in met(text)
    assert run.contract.claim_boundary in text
    assert run.bundle.digest in text and "found it consistent" in text and "its signer is unknown" in text


def test_the_account_inside_the_bundle_says_the_same_of_the_run(promoted: Kept) -> None:
    inside = (promoted.run.folder / "audit.md").read_text()

    assert told(promoted.run).startswith(inside)


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (
            "refused_bringup",
            "swarm-linux-a refused at its gate, refused_machine_contract: disk_free: expected",
        ),
        ("rejected", "adapter_model.safetensors of swarm-linux-a put into quarantine: artifact_digest_mismatch"),
        ("stopped_by_operator", "the operator: stop (lunch)"),
    ],
)
def test_the_failures_that_were_met_are_told(end: str, said: str, tmp_path: Path) -> None:
    text = told(open_closed(ENDS[end](tmp_path)))

    assert said in met(text)
    assert f"Result: **{end}**" in text
    assert "It proves no merge" in text
    assert "No held-out score" in text


def test_a_second_coordinator_is_told(tmp_path: Path) -> None:
    text = told(open_closed(forge(tmp_path, Lies(restart_before="replay_judged"))))

    assert "a new coordinator took over after 2000 ms" in met(text)


def test_a_publication_is_told_as_a_separate_act(promoted: Kept, tmp_path: Path) -> None:
    out = publications_dir(promoted.run.folder)
    publish_forged(promoted.run, write_checkpoint(tmp_path / "base"), out)
    report = PublicationReport.read((out / REPORT_FILE).read_bytes())

    assert "Nothing was published from it." in told(promoted.run)
    later = told(promoted.run, report).split("## What happened later")[1]
    assert report.digest in later
    assert all(gate.gate in later for gate in report.gates)
    assert "That is a separate act" in later
