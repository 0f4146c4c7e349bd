"""Runners that die or fall silent, and a coordinator that is late: the two must never be mistaken."""

import json
import os
import signal

import psutil
import pytest

from console.evidence.checks.real_run import check_real_run
from tests.live.conftest import MakeRun
from tests.live.rig import REMOTE, LiveRun, assert_gone, finish, until

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]


def assert_replay_required(run: LiveRun, code: int, err: str) -> None:
    assert code == 1, err[-3000:]
    kept = json.loads((run.bundle / "first_swarm_real_run_bundle.json").read_bytes())
    assert kept["result_classification"] == "replay_required"
    assert (kept["merge_disposition"], kept["promotion_disposition"]) == ("no_merge", "not_reached")
    assert check_real_run(run.bundle).findings == ()
    assert_gone(run)


def test_an_agent_killed_in_training_is_started_again_and_its_runner_never_noticed(make_run: MakeRun) -> None:
    run = make_run(steps="120")
    process = run.start()
    until("training", lambda: run.has("window_changed", after="active"))
    (before,) = [r["body"] for r in run.records() if r["kind"] == "agent_started"]
    os.kill(before["pid"], signal.SIGKILL)
    code, _, err = finish(process)
    assert code == 0, err[-3000:]
    _, again = [r["body"] for r in run.records() if r["kind"] == "agent_started"]
    assert (again["port"], again["host_key"]) == (before["port"], before["host_key"])
    assert again["pid"] != before["pid"]
    assert check_real_run(run.bundle).findings == ()
    assert_gone(run)


@pytest.mark.soak
def test_a_runner_that_falls_silent_is_stale_then_lost_and_then_ended(make_run: MakeRun) -> None:
    run = make_run(steps="4000")
    process = run.start()
    until("training", lambda: run.has("window_changed", after="active"))
    os.kill(run.runner_of(REMOTE), signal.SIGSTOP)
    code, _, err = finish(process)
    stale, lost = run.runner_changes(REMOTE)
    assert (stale["before"], stale["after"], stale["bound_ms"]) == ("live", "stale", 5000)
    assert 5000 < stale["beat_age_ms"] < 7500
    assert (lost["before"], lost["after"], lost["departure"]) == ("stale", "lost", "timed_out")
    assert lost["beat_age_ms"] > 7500
    assert run.runner_changes("swarm-mac-a") == []
    assert_replay_required(run, code, err)


def test_a_coordinator_that_was_stopped_for_eight_seconds_blames_nobody(make_run: MakeRun) -> None:
    run = make_run(steps="120")
    process = run.start()
    until("training", lambda: run.has("window_changed", after="active"))
    coordinator = psutil.Process(run.coordinator_pid())
    coordinator.suspend()
    with pytest.raises(psutil.TimeoutExpired):
        coordinator.wait(8)
    coordinator.resume()
    code, _, err = finish(process)
    assert code == 0, err[-3000:]
    gaps = [r["body"] for r in run.records() if r["kind"] == "observer_gap"]
    assert max(gap["gap_ms"] for gap in gaps) > 7000
    assert [r for r in run.records() if r["kind"] == "runner_changed"] == []
    assert check_real_run(run.bundle).findings == ()


@pytest.mark.soak
def test_work_that_comes_too_late_is_quarantined_and_kept(make_run: MakeRun) -> None:
    """The loopback lane with a skew bound so small that the slower backend can't keep it."""
    run = make_run(skew_ms="20")
    code, _, err = finish(run.start())
    assert code == 1, err[-3000:]
    kept = json.loads((run.bundle / "first_swarm_real_run_bundle.json").read_bytes())
    assert kept["result_classification"] == "wait_then_replay"
    judged = [r["body"] for r in run.records() if r["kind"] == "contribution_judged"]
    assert [body["disposition"] for body in judged] == ["quarantined"]
    late = judged[0]["node_id"]
    assert (run.bundle / "retained_artifacts" / late / "adapter_model.safetensors").is_file()
    assert check_real_run(run.bundle).findings == ()
    assert_gone(run)
