"""kill -9 of the coordinator, and Ctrl-C: what an operator's machine does to a run."""

import json
import os
import signal
from collections import Counter
from collections.abc import Callable

import pytest

from console.evidence.checks.real_run import check_real_run
from tests.faults.rig import SITE
from tests.live.conftest import MakeRun
from tests.live.rig import ROOT, LiveRun, assert_gone, finish, journal_lines, kill, until

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

MOMENTS: dict[str, Callable[[LiveRun], bool]] = {
    "admitting": lambda run: run.has("agent_started"),
    "preparing": lambda run: run.has("shipped"),
    "active": lambda run: run.has("window_changed", after="active"),
    "validating": lambda run: run.has("window_changed", after="validating"),
}
ONCE = ("run_opened", "plan_bound", "window_opened", "merged", "scored", "promotion_decided", "closed")


@pytest.mark.parametrize(
    "moment",
    ["admitting", "active", *(pytest.param(late, marks=pytest.mark.soak) for late in ("preparing", "validating"))],
)
def test_a_coordinator_killed_in_the_middle_is_continued_to_a_verified_bundle(moment: str, make_run: MakeRun) -> None:
    run = make_run()
    watcher = run.start()
    until(f"the run to be {moment}", lambda: MOMENTS[moment](run))
    kill(run.coordinator_pid())
    os.kill(watcher.pid, signal.SIGKILL)
    watcher.communicate()
    assert not run.bundle.exists()

    code, out, err = finish(run.swarm("attach", run.run_id, "--json"))

    assert code == 0, err[-3000:]
    assert json.loads(out)["result"]["result_classification"] == "bounded_success"
    assert check_real_run(run.bundle).findings == ()
    _assert_nothing_lost_or_doubled(run)
    assert_gone(run)


def _assert_nothing_lost_or_doubled(run: LiveRun) -> None:
    kept = dict(journal_lines(run.bundle / "journals"))
    assert len([name for name in kept if ".coordinator." in name]) == 2
    for lines in kept.values():
        assert [line["seq"] for line in lines] == list(range(len(lines)))
    own = dict(journal_lines(run.own / "journals"))
    assert all(kept[name] == lines for name, lines in own.items())
    remote = dict(journal_lines(run.root / "linux")) | dict(journal_lines(run.root / "mac" / "runner"))
    assert len(remote) == 2
    for name, lines in remote.items():
        assert kept[name] == lines[: len(kept[name])]
        assert {"ready", "began", "produced"} <= {line["kind"] for line in kept[name]}
    said = Counter(line["kind"] for name, lines in kept.items() if ".coordinator." in name for line in lines)
    assert {kind: said[kind] for kind in ONCE} == dict.fromkeys(ONCE, 1)


def test_a_coordinator_killed_after_its_last_record_still_gets_its_bundle(make_run: MakeRun) -> None:
    run = make_run()
    for name in ("hold", "at", "site"):
        (run.folder / name).mkdir()
    (run.folder / "site" / "sitecustomize.py").write_text(SITE.format(folder=str(run.folder)))
    (run.folder / "hold" / "closing").touch()  # it stops before the bundle
    process = run.start(PYTHONPATH=os.pathsep.join([str(run.folder / "site"), str(ROOT)]))
    until("the coordinator to come to its bundle", (run.folder / "at" / "closing").exists)
    assert run.records()[-1]["kind"] == "closed"
    kill(run.coordinator_pid())
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not run.bundle.exists()

    code, _, err = finish(run.swarm("attach", run.run_id))

    assert code == 0, err[-3000:]
    assert check_real_run(run.bundle).findings == ()
    assert run.records()[-1]["kind"] == "closed"
    assert_gone(run)


@pytest.mark.parametrize(("moment", "steps"), [("admitting", "24"), ("launching", "24"), ("training", "4000")])
def test_ctrl_c_leaves_a_closed_valid_partial_bundle_and_no_process(moment: str, steps: str, make_run: MakeRun) -> None:
    run = make_run(steps=steps)
    process = run.start()
    happened = {"admitting": "admitting", "launching": "preparing", "training": "active"}[moment]
    until(f"the run to be {moment}", lambda: MOMENTS[happened](run))
    os.killpg(process.pid, signal.SIGINT)

    code, out, err = finish(process)

    assert code == 1, err[-3000:]
    assert "stopped_by_operator" in out
    verdict = check_real_run(run.bundle)
    assert verdict.findings == ()
    kept = json.loads((run.bundle / "first_swarm_real_run_bundle.json").read_bytes())
    assert kept["result_classification"] == "stopped_by_operator"
    assert run.records()[-1]["kind"] == "closed"
    assert_gone(run)
