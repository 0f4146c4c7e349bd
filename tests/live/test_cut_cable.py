"""A window over a plain sshd whose cable is pulled in the middle of training: packets vanish, and nobody is told."""

import json
import time
from pathlib import Path

import pytest

from console.evidence.checks.real_run import check_real_run
from tests.hosts.sshd_rig import sshd_behind_a_cable
from tests.live.conftest import MakeRun
from tests.live.rig import LiveRun, add_box, assert_gone, finish, until

pytestmark = [pytest.mark.live, pytest.mark.ssh, pytest.mark.soak, pytest.mark.timeout(400)]


def trains(run: LiveRun) -> bool:
    """The far runner's own heartbeats say that it is in the middle of it."""
    for path in (run.own / "mirror").glob("swarm-linux-a.*"):
        beats = [json.loads(line)["body"] for line in path.read_bytes().splitlines() if b'"heartbeat"' in line]
        if any(beat["phase"] == "training" and beat["step"] > 10 for beat in beats):
            return True
    return False


@pytest.mark.parametrize(("cut_s", "ending"), [(3.0, "bounded_success"), (9.0, "replay_required")])
def test_a_short_cut_costs_nothing_and_a_long_one_the_revision(
    make_run: MakeRun, tmp_path: Path, cut_s: float, ending: str
) -> None:
    run = make_run(steps="300", skew_ms="60000")  # the cable is the fault here, not a busy machine
    with sshd_behind_a_cable(tmp_path / "box") as (box, cable):
        add_box(run, box)
        options = ("--lane", str(run.lane), "--run-id", run.run_id, "--remote", "box", "--coordinator-port", "0")
        process = run.swarm("run", *options)
        until("training on the far host", lambda: trains(run))
        cable.cut()
        time.sleep(cut_s)  # the fault is a length of time
        cable.mend()
        code, _, err = finish(process)
        kept = json.loads((run.bundle / "first_swarm_real_run_bundle.json").read_bytes())
        assert kept["result_classification"] == ending, err[-3000:]
        assert code == (0 if ending == "bounded_success" else 1)
        assert check_real_run(run.bundle).findings == ()
        if ending == "replay_required":
            downs = [r["body"]["reason"] for r in run.records() if r["kind"] == "link_changed"]
            assert any("keepalive" in reason for reason in downs), downs
            code, _, err = finish(run.swarm("replay", run.run_id))
            assert code == 0, err[-3000:]
            assert check_real_run(run.root / "bundle-r1").findings == ()
        box.end()
    assert_gone(run)
