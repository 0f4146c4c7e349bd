"""Each of the five stop conditions tripped for real: the attempt ends at once, its runners end, its evidence is sealed.

What the operator's checklist says of the kept bundle is held against what the coordinator decided.
"""

import os
import shutil
import signal
import sys
from typing import Any, TypeVar

import pytest

from console.coordination.spec import RunSpec
from console.evidence.checks.real_run import check_real_run
from console.evidence.models import BUNDLE_FILE, RealRunBundle
from console.observation.conditions import Verdict
from console.observation.line import Stamp
from console.observation.moment import Moment
from console.observation.observer import Observer
from console.observation.snapshot import snapshot
from console.observation.source import RunSource
from runners.contract.document import Document
from runners.records.clock import Clock
from tests.live.conftest import MakeRun
from tests.live.rig import LOCAL, REMOTE, ROOT, LiveRun, assert_gone, finish, kill, until

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]
D = TypeVar("D", bound=Document)
# A kind of device that computes for nobody here.
NOT_HERE = {
    LOCAL: "cpu" if sys.platform == "darwin" else "metal",
    REMOTE: "cpu" if shutil.which("nvidia-smi") else "cuda",
}
OWNER = """
import os
if os.environ.get("SWARM_BACKEND") == "mlx":
    os.environ["SWARM_DANGEROUS_DRILL_FAULT"] = "another_identity"
"""


def tripped(run: LiveRun, key: str, classification: str, verdict: Verdict = Verdict.STOP) -> RealRunBundle:
    """The one condition of the checklist that says so, whole; and the bundle, verified, with nobody left running."""
    bundle = RealRunBundle.read((run.bundle / BUNDLE_FILE).read_bytes())
    assert bundle.result_classification == classification, bundle.reason
    assert check_real_run(run.bundle).findings == ()
    observer, clock = Observer(), Clock()
    list(observer.take(RunSource(run.bundle).read_all()))
    shown = snapshot(observer.state, Moment(Stamp(clock.wall_ms(), clock.mono_ms()), alive=False)).conditions
    (condition,) = [one for one in shown if one.verdict in (Verdict.STOP, Verdict.REPLAY)]
    assert (condition.key, condition.verdict) == (key, verdict)
    assert condition.value and condition.limit and condition.since and condition.evidence
    assert (run.bundle / "journals" / condition.evidence.file).is_file()
    assert (bundle.merge_disposition, bundle.promotion_disposition) == ("no_merge", "not_reached")
    assert_gone(run)
    return bundle


@pytest.mark.parametrize("node_id", [LOCAL, pytest.param(REMOTE, marks=pytest.mark.soak)])
def test_a_host_without_its_receipt_stops_the_attempt(node_id: str, make_run: MakeRun) -> None:
    run = make_run()
    head, node, rest = run.lane.read_text().partition(f'node_id = "{node_id}"')
    kinds = next(line for line in rest.splitlines() if line.startswith("required_devices"))
    run.lane.write_text(head + node + rest.replace(kinds, f'required_devices = ["{NOT_HERE[node_id]}"]', 1))
    code, _, err = finish(run.start())
    assert code == 1, err[-3000:]
    tripped(run, f"bringup:{node_id}", "refused_bringup")
    assert not run.has("shipped")


@pytest.mark.parametrize("document", ["window_plan", pytest.param("membership_receipt", marks=pytest.mark.soak)])
def test_a_document_that_drifts_in_mid_run_stops_the_attempt(document: str, make_run: MakeRun) -> None:
    """Somebody puts another one in place, whole and sealed: only its digest tells it from the bound one."""
    run = make_run(steps="4000")
    process = run.start()
    until("training", lambda: run.has("window_changed", after="active"))
    path = run.own / "documents" / f"{document}.json"
    bound = path.read_bytes()
    other = path.with_suffix(".new")
    other.write_bytes(bound.replace(b"run-live", b"run-dead"))
    other.replace(path)
    code, _, err = finish(process)
    assert code == 1, err[-3000:]
    bundle = tripped(run, "plan", "contract_drift")
    assert document in bundle.reason
    assert (run.bundle / "contract" / f"{document}.json").read_bytes() == bound
    assert b"run-dead" in (run.bundle / "quarantine" / LOCAL / f"{document}.json").read_bytes()


@pytest.mark.soak
def test_a_plan_that_drifts_while_no_coordinator_lives_stops_the_attempt_that_is_taken_over(make_run: MakeRun) -> None:
    run = _left_in_training(make_run)
    path = run.own / "documents" / "window_plan.json"
    path.write_bytes(path.read_bytes().replace(b"run-live", b"run-dead"))
    code, _, err = finish(run.swarm("attach", run.run_id))
    assert code == 1, err[-3000:]
    bundle = tripped(run, "plan", "contract_drift")
    assert "window_plan" in bundle.reason
    assert not (run.bundle / "contract" / "window_plan.json").exists()  # nobody has the bound bytes any more
    assert b"run-dead" in (run.bundle / "quarantine" / LOCAL / "window_plan.json").read_bytes()


@pytest.mark.soak
def test_a_spec_with_another_contract_is_refused_by_whoever_takes_over_and_the_true_one_goes_on(
    make_run: MakeRun,
) -> None:
    run = _left_in_training(make_run)
    path = run.own / "spec.json"
    true = path.read_bytes()
    spec = RunSpec.read(true)
    other = _another_contract(spec)
    path.write_bytes(other.to_bytes())
    before = run.records()
    code, _, err = finish(run.swarm("attach", run.run_id))
    assert code == 1
    assert f"run_contract_as_opened: expected {spec.contract.digest}, got {other.contract.digest}" in err
    assert "Traceback" not in err
    assert run.records() == before
    assert not run.bundle.exists()
    path.write_bytes(true)
    finish(run.swarm("stop", run.run_id))
    code, _, err = finish(run.swarm("attach", run.run_id))
    assert RealRunBundle.read((run.bundle / BUNDLE_FILE).read_bytes()).result_classification == "stopped_by_operator"
    assert check_real_run(run.bundle).findings == ()
    assert_gone(run)


def _left_in_training(make_run: MakeRun) -> LiveRun:
    run = make_run(steps="4000")
    process = run.start()
    until("training", lambda: run.has("window_changed", after="active"))
    kill(run.coordinator_pid())
    process.kill()
    process.communicate()
    return run


def _another_contract(spec: RunSpec) -> RunSpec:
    contract = _with(spec.contract, claim_boundary="It proves whatever is asked for.")
    return _with(spec, contract=contract)


def _with(document: D, **changes: Any) -> D:
    kept = {name: getattr(document, name) for name in type(document).model_fields if name != "digest"}
    return type(document).seal(**{**kept, **changes})


def test_an_upload_off_the_plan_stops_the_attempt(make_run: MakeRun) -> None:
    run = make_run(run_id="run-drill")
    drill = ("drill", "upload_disagreement", "--case", "another_shape")
    code, _, err = finish(run.swarm(*drill, "--lane", str(run.lane), "--run-id", run.run_id))
    assert code == 0, err[-3000:]
    bundle = tripped(run, "uploads", "rejected")
    assert "manifest_digest_mismatch" in bundle.reason


@pytest.mark.soak
def test_an_upload_of_the_coordinators_own_host_off_the_plan_stops_the_attempt(make_run: MakeRun) -> None:
    """Its owner switches the fault on, as `swarm drill` does on the other host: all that starts there has it. The shape
    is as planned here, the identity is another one."""
    run = make_run()
    site = run.folder / "owner"
    site.mkdir()
    (site / "sitecustomize.py").write_text(OWNER)
    code, _, err = finish(run.start(PYTHONPATH=os.pathsep.join([str(site), str(ROOT)])))
    assert code == 1, err[-3000:]
    bundle = tripped(run, "uploads", "rejected")
    assert "manifest_digest_mismatch" in bundle.reason
    assert LOCAL in bundle.reason
    assert (run.bundle / "quarantine" / LOCAL).is_dir()


@pytest.mark.parametrize("revisions", [0, pytest.param(2, marks=pytest.mark.soak)])
def test_a_contributor_that_is_gone_stops_the_attempt_for_good_only_without_a_replay(
    revisions: int, make_run: MakeRun
) -> None:
    run = make_run(steps="4000", max_revisions=str(revisions))
    process = run.start()
    until("training", lambda: run.has("window_changed", after="active"))
    os.kill(run.runner_of(REMOTE), signal.SIGKILL)
    code, _, err = finish(process)
    assert code == 1, err[-3000:]
    tripped(run, "present", "replay_required", Verdict.REPLAY if revisions else Verdict.STOP)
    assert [(one["after"], one["departure"]) for one in run.runner_changes(REMOTE)][-1] == ("lost", "crashed")
    (outlook,) = [record["body"] for record in run.records() if record["kind"] == "replay_outlook"]
    assert outlook["possible"] == bool(revisions)
    if not revisions:
        code, _, err = finish(run.swarm("replay", run.run_id))
        assert code == 2
        assert "expected a revision below 0, the lane's last, got 0" in err
