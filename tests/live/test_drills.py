"""Drills as an operator holds them: the lane's own bounds, real processes, real faults.

Two run by default; `pytest -m soak tests/live/test_drills.py` holds the others. That the coordinator can't know of a
drill is a rule of the rooms: nothing below `console.drills` imports it.
"""

import json
from typing import Any

import pytest

from console.drills.report import DrillReport
from console.evidence.checks.real_run import check_real_run
from console.evidence.lane_documents.drill_observation import observe
from console.evidence.lane_documents.failure_drills import PROMISES
from tests.live.conftest import MakeRun
from tests.live.rig import LiveRun, assert_gone, finish

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]
NODE = "swarm-linux-a"


def hold(run: LiveRun, kind: str, *options: str) -> DrillReport:
    arguments = ("drill", kind, "--lane", str(run.lane), "--run-id", run.run_id, "--json", *options)
    code, out, err = finish(run.swarm(*arguments))
    said: list[dict[str, Any]] = json.loads(out)
    report = DrillReport.read((run.root / "drill.json").read_bytes())
    assert report.reasons == (), err[-3000:]
    assert (code, report.result, said[-1]["digest"]) == (0, "pass", report.digest)
    assert all(row.came for row in report.rows)
    assert check_real_run(run.bundle).findings == ()
    kept = observe(PROMISES[report.expectation.kind], (NODE,), run.bundle)
    assert kept == report.observation
    assert kept.as_frozen
    assert_gone(run)
    return report


def test_a_stopped_worker_is_found_stale_then_lost_within_the_lanes_bounds(make_run: MakeRun) -> None:
    run = make_run(run_id="drill-stale", steps="2000")
    report = hold(run, "stale_worker")
    stale, lost = report.rows[0], report.rows[3]
    assert stale.figure_ms is not None and 5000 < stale.figure_ms <= 5350
    assert lost.figure_ms is not None and 7500 < lost.figure_ms <= 7850
    assert report.observation.departure == "timed_out"


@pytest.mark.soak
def test_a_byte_changed_in_the_outbox_after_its_journal_entry_is_rejected_and_quarantined(make_run: MakeRun) -> None:
    run = make_run(run_id="drill-byte")
    report = hold(run, "upload_disagreement", "--case", "flipped_byte")
    assert report.observation.validator_disposition.value == "rejected"
    assert (run.bundle / "quarantine" / NODE / "adapter_model.safetensors").is_file()
    assert not (run.bundle / "retained_artifacts" / NODE / "adapter_model.safetensors").exists()


@pytest.mark.soak
def test_an_upload_of_another_shape_is_rejected_and_quarantined(make_run: MakeRun) -> None:
    run = make_run(run_id="drill-shape")
    hold(run, "upload_disagreement", "--case", "another_shape")
    quarantined = {path.name for path in (run.bundle / "quarantine" / NODE).iterdir()}
    assert quarantined == {"adapter_config.json", "adapter_model.safetensors", "contributor_receipt.json"}


@pytest.mark.soak
def test_a_killed_worker_is_crashed_by_proof_and_nothing_is_merged(make_run: MakeRun) -> None:
    run = make_run(run_id="drill-loss", steps="2000")
    report = hold(run, "contributor_loss")
    assert report.observation.departure == "crashed"
    assert report.observation.merge_disposition == "no_merge"


@pytest.mark.soak
def test_a_worker_slowed_past_the_skew_bound_is_quarantined_and_never_called_stale(make_run: MakeRun) -> None:
    run = make_run(run_id="drill-skew", steps="100")
    report = hold(run, "uneven_worker_speed")
    assert report.rows[0].figure_ms is not None and report.rows[0].figure_ms > 15_000
    assert not run.has("runner_changed", after="stale")


def test_a_lane_with_hosts_elsewhere_has_no_drill_here(make_run: MakeRun) -> None:
    run = make_run()
    code, _, err = finish(run.swarm("drill", "stale_worker", "--lane", "first_swarm_trusted_lan"))
    assert code == 3
    assert "expected every contributor on this machine" in err
    assert not run.root.exists()
