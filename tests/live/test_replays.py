"""After a loss the same slices once more: in a new revision that ends merged, while the first bundle stays."""

import json
import shutil
from pathlib import Path

import pytest

from console.evidence.checks.real_run import check_real_run
from console.observation.runs import RunStanding, inspect_run
from tests.live.conftest import MakeRun
from tests.live.rig import LiveRun, assert_gone, fast_lane, finish, journal_lines

# A whole drill and a whole replay of it: minutes.
pytestmark = [pytest.mark.live, pytest.mark.soak, pytest.mark.timeout(240)]
NODE = "swarm-linux-a"


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> LiveRun:
    """A run whose remote runner was killed in training, by the drill for it."""
    folder = tmp_path_factory.mktemp("lost")
    run = LiveRun(folder, prepared, fast_lane(folder, steps="100"), "run-lost")
    code, _, err = finish(run.swarm("drill", "contributor_loss", "--lane", str(run.lane), "--run-id", run.run_id))
    assert code == 0, err[-3000:]
    return run


def test_a_lost_window_is_replayed_to_a_merge_and_its_first_bundle_stays_as_it_was(lost: LiveRun) -> None:
    before = {path: path.read_bytes() for path in lost.bundle.rglob("*") if path.is_file()}
    code, out, err = finish(lost.swarm("replay", lost.run_id, "--node", NODE, "--json"))
    assert code == 0, err[-3000:]
    said = json.loads(out)
    assert (said["result"]["result_classification"], said["result"]["merge_disposition"]) == (
        "bounded_success",
        "merged",
    )
    assert {path: path.read_bytes() for path in lost.bundle.rglob("*") if path.is_file()} == before
    again = lost.root / "bundle-r1"
    assert check_real_run(again).findings == ()
    assert check_real_run(lost.bundle).findings == ()
    kept = dict(journal_lines(again / "journals"))
    assert sorted(kept) == [
        "swarm-linux-a.contributor.r1.e1.jsonl",
        "swarm-mac-a.contributor.r1.e1.jsonl",
        "swarm-mac-a.coordinator.r1.e0.jsonl",
    ]
    opened = kept["swarm-mac-a.coordinator.r1.e0.jsonl"][1]
    assert (opened["kind"], opened["body"]["previous_bundle_digest"]) == ("revision_opened", _digest(lost.bundle))
    own = kept["swarm-mac-a.coordinator.r1.e0.jsonl"]
    admitted = [line["body"]["reason"] for line in own if line["kind"] == "admission_decided"]
    assert admitted == ["admitted_in_an_earlier_revision"] * 2
    standing = inspect_run(lost.root)
    assert standing is not None
    assert (standing.standing, standing.bundle) == (RunStanding.CLOSED, again)
    assert_gone(lost)
    _refuses(lost, "expected a run that ended as replay_required or wait_then_replay, got bounded_success")


@pytest.mark.parametrize(
    ("kind", "ended"), [("stale_worker", "replay_required"), ("uneven_worker_speed", "wait_then_replay")]
)
def test_a_stale_and_a_skewed_window_are_replayed_to_a_merge_too(kind: str, ended: str, make_run: MakeRun) -> None:
    """Under the same contract, the same slices: what is new is the revision."""
    run = make_run(steps="100")
    code, _, err = finish(run.swarm("drill", kind, "--lane", str(run.lane), "--run-id", run.run_id))
    assert code == 0, err[-3000:]
    before = _said(run.bundle)
    assert before["result_classification"] == ended
    code, _, err = finish(run.swarm("replay", run.run_id))
    assert code == 0, err[-3000:]
    after = _said(run.root / "bundle-r1")
    assert (after["result_classification"], after["merge_disposition"]) == ("bounded_success", "merged")
    assert after["contract_digest"] == before["contract_digest"]
    assert _slices(run.root / "bundle-r1") == _slices(run.bundle)
    assert check_real_run(run.root / "bundle-r1").findings == ()
    assert_gone(run)


def _slices(bundle: Path) -> dict[str, str]:
    plan = json.loads((bundle / "contract" / "window_plan.json").read_bytes())
    return {one["node_id"]: one["slice"]["shard"]["sha256"] for one in plan["assignments"]}


def _said(bundle: Path) -> dict[str, object]:
    return dict(json.loads((bundle / "first_swarm_real_run_bundle.json").read_bytes()))


def _digest(bundle: Path) -> str:
    return str(json.loads((bundle / "first_swarm_real_run_bundle.json").read_bytes())["digest"])


def _refuses(run: LiveRun, why: str, *options: str) -> None:
    folders = sorted(path.name for path in (run.root / "mac").iterdir())
    code, _, err = finish(run.swarm("replay", run.run_id, *options))
    assert code == 2
    assert why in err
    assert sorted(path.name for path in (run.root / "mac").iterdir()) == folders


@pytest.fixture
def copied(lost: LiveRun, make_run: MakeRun) -> LiveRun:
    """The lost run before its replay, in folders of its own."""
    run = make_run(run_id=lost.run_id)
    for name in ("bundle", "mac/coordinator"):
        shutil.copytree(lost.root / name, run.root / name)
    return run


def test_a_node_that_was_not_at_fault_is_no_reason_for_a_replay(copied: LiveRun) -> None:
    _refuses(
        copied, "--node: expected swarm-linux-a, whose slice has to be redone, got swarm-mac-a", "--node", "swarm-mac-a"
    )


def test_a_bundle_that_was_changed_is_nothing_to_go_on_from(copied: LiveRun) -> None:
    audit = copied.bundle / "audit.md"
    audit.write_bytes(audit.read_bytes() + b"\n")
    _refuses(copied, "expected a bundle that verifies, got listed_bytes_are_there")


def test_a_run_without_its_bundle_goes_on_and_is_not_replayed(copied: LiveRun) -> None:
    shutil.rmtree(copied.bundle)
    _refuses(copied, "expected a closed run, got one that goes on")
