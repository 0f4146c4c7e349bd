"""What this repository keeps as evidence must verify from its files, on any machine.

A change of a contract or of a document's form makes it stale: `make retained` makes it anew, in a minute.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from console.cli.check import CHECKS
from console.cli.main import main
from console.evidence.checks.real_run import check_real_run
from console.places import data_dir

KEPT = data_dir("fixtures") / "swarm"
RUNS = sorted(path for path in (KEPT / "runs").iterdir() if path.is_dir())
PLACES_OF_A_MACHINE = (b"/tmp/", b"/root", b"/home/", b"/Users/", b"/work/")


def _report(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((KEPT / "reports" / name).read_bytes())
    return body


def test_a_promoted_run_one_on_cuda_and_a_refused_one_of_each_other_lane_are_retained() -> None:
    assert [path.name for path in RUNS] == [
        "first-loopback-live-1", "first-swarm-live-refused-1", "loopback-cuda-1", "tailrun-admitted-refused-1",
    ]  # fmt: skip


@pytest.mark.parametrize("run", RUNS, ids=lambda path: path.name)
def test_a_retained_run_verifies_and_has_its_audit(run: Path) -> None:
    assert check_real_run(run).findings == ()
    digest = json.loads((run / "first_swarm_real_run_bundle.json").read_bytes())["digest"]
    (audit,) = (KEPT.parents[1] / "docs" / "audits").glob(f"*-{run.name}-audit.md")
    assert digest in audit.read_text()


def test_a_reader_is_told_whether_the_bounds_are_those_of_the_tree_that_checks(
    true_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bundle brings its own contract along: of any but a frozen one the bounds are whoever's that wrote it."""
    main(["check", "real-run", "--bundle", str(RUNS[0])])
    assert ": as frozen here" in capsys.readouterr().out

    main(["check", "real-run", "--bundle", str(true_bundle)])
    assert "not frozen here" in capsys.readouterr().out


@pytest.mark.live
def test_what_a_cuda_card_computed_is_what_float64_computes_here(capsys: pytest.CaptureFixture[str]) -> None:
    """Made once, where there was a card. A change of form that it can't follow takes it away, with this test."""
    run = KEPT / "runs" / "loopback-cuda-1"
    report = json.loads((run / "reports" / "swarm-linux-a_bringup.json").read_bytes())
    assert (report["device"]["kind"], report["device"]["name"]) == ("cuda", "NVIDIA H100 80GB HBM3")

    code = main(["check", "real-run", "--bundle", str(run), "--reexecute"])

    said = capsys.readouterr().out
    assert code == 0, said
    assert "swarm-linux-a contribution: delta " in said
    assert "held-out shard captured again: states of 136 samples" in said


@pytest.mark.parametrize("what", [what for what in CHECKS if what != "psionic"])
def test_of_every_kind_something_is_retained_and_verifies(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`psionic` is the exception: none of the old system's files is kept here."""
    places = CHECKS[what].retained()

    assert places
    for place in places:
        code = main(["check", what, "--bundle", str(place)])
        assert code == 0, f"stale? `make retained` makes it anew\n{capsys.readouterr().out}"


def test_loopback_is_rehearsed_promoted_and_published_and_the_frozen_lanes_are_not() -> None:
    ends = {
        lane: (
            _report(f"{lane}_rehearsal_v1.json")["recommendation"],
            _report(f"{lane}_closeout_v1.json")["promotion_outcome"]["disposition"],
            _report(f"{lane}_closeout_v1.json")["publish_disposition"],
        )
        for lane in ("loopback", "first_swarm_trusted_lan", "first_swarm_tailnet_admitted")
    }
    assert ends == {
        "loopback": ("go", "promoted", "published"),
        "first_swarm_trusted_lan": ("no_go", "no_promotion", "refused"),
        "first_swarm_tailnet_admitted": ("no_go", "no_promotion", "refused"),
    }


def test_a_phase_of_the_frozen_lane_is_never_called_measured_by_loopbacks_figures() -> None:
    report = _report("first_swarm_trusted_lan_rehearsal_v1.json")

    assert report["stand_in"]["run_id"] == "first-loopback-live-1"
    # Bring-up and capture may be measured before the refusal; what comes after them never was.
    later = [phase for phase in report["phases"] if phase["phase_id"] not in ("bring_up", "inputs")]
    assert {phase["evidence_posture"] for phase in later} <= {"simulated", "not_measured"}
    assert report["recommendation"] == "no_go"


def test_nothing_that_is_retained_names_a_place_of_the_machine_that_made_it() -> None:
    files = [path for folder in ("runs", "reports", "publications") for path in (KEPT / folder).rglob("*")]
    texts = [path for path in files if path.is_file() and path.suffix in (".json", ".jsonl", ".md")]

    assert len(texts) > 50
    assert [(path.name, place) for path in texts for place in PLACES_OF_A_MACHINE if place in path.read_bytes()] == []
