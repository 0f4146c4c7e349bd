"""Freezing: the same lane gives the same bytes, and a difference is seen."""

import json
from pathlib import Path

import pytest

from console.cli.main import main
from console.coordination.lane_file import lane_files, load_lane
from console.evidence.errors import LaneSourceError
from console.evidence.lane_documents.base_model import head_of
from console.evidence.lane_documents.drill_observation import DrillObservation
from console.evidence.lane_documents.failure_drills import PROMISES, failure_drills
from console.evidence.lane_documents.frozen_lane import freeze_lane, kept_observations, require_no_drift_from_files
from console.evidence.lane_documents.lane_text import lane_toml
from console.evidence.lane_documents.places import FIRST_LANE, KINDS, LanePlaces
from console.evidence.lane_documents.sources import shipped_sources
from console.places import data_dir
from runners.contract.states import Classification, Disposition
from runners.training.head import head_identity, load_head

LANES = tuple(lane_files())
RUNBOOK = {
    "contract": "swarm/first_swarm_run_contract_v1.json",
    "receipt_contract": "swarm/first_swarm_open_adapter_receipt_contract_v1.json",
    "topology": "swarm/first_swarm_trusted_lan_topology_contract_v1.json",
    "plan": "swarm/first_swarm_live_workflow_plan_v1.json",
    "drills": "swarm/reports/first_swarm_trusted_lan_failure_drills_v1.json",
    "binder": "training/runpod_local_training_binder_projection_v1.json",
}


def observation(contract_digest: str) -> DrillObservation:
    return DrillObservation(
        run_id="drill-1",
        bundle_digest="0" * 64,
        contract_digest=contract_digest,
        finished_wall_ms=1,
        node_id="swarm-linux-a",
        result_classification=Classification.REPLAY_REQUIRED,
        validator_disposition=Disposition.REPLAY_REQUIRED,
        departure="timed_out",
        merge_disposition="no_merge",
        as_frozen=True,
    )


@pytest.mark.parametrize("lane", LANES)
def test_what_is_retained_is_what_the_lane_freezes_to(lane: str) -> None:
    fixtures, contract = data_dir("fixtures"), load_lane(lane)
    frozen = freeze_lane(shipped_sources(contract), kept_observations(fixtures, contract))
    for kind, document in frozen.documents().items():
        assert (fixtures / frozen.places.of(kind)).read_bytes() == document.to_bytes()


def test_the_first_lane_lies_at_the_runbooks_paths() -> None:
    assert {kind: LanePlaces(FIRST_LANE).of(kind) for kind in KINDS} == RUNBOOK


def test_the_first_lane_is_the_runbooks_hosts_ports_and_bounds() -> None:
    contract = load_lane(FIRST_LANE)
    hosts = [(node.node_id, node.host_alias, node.cluster_port) for node in contract.nodes]
    assert hosts == [
        ("swarm-mac-a", "swarm-mac-a.local", 34100),
        ("swarm-linux-4080-a", "swarm-linux-4080-a.local", 34101),
    ]
    policies = contract.policies
    bounds = (policies.heartbeat_ms, policies.stale_ms, policies.loss_ms, policies.skew_ms)
    assert bounds == (1000, 5000, 7500, 15000)
    plan = freeze_lane(shipped_sources(contract)).plan
    assert [item.backend_labels for item in plan.assignments] == [
        ("open_adapter_backend.mlx.metal.gpt_oss_lm_head",),
        ("open_adapter_backend.cuda.gpt_oss_lm_head",),
    ]
    place = "local_publish/openagents_swarm_local_open_adapter/first-swarm-local-snapshot"
    assert plan.publish_expectation.expected_directory == place


def test_freezing_twice_into_new_folders_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert main(["freeze", "--out", str(tmp_path / name)]) == 0
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.json"))
    assert len(files) == len(KINDS) * len(LANES)
    assert all((tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files)


def test_a_changed_document_fails_the_comparison_and_stays_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["freeze", "--lane", "loopback", "--out", str(tmp_path)]) == 0
    path = tmp_path / LanePlaces("loopback").of("topology")
    changed = path.read_bytes().replace(b'"stale_ms": 5000', b'"stale_ms": 9000')
    path.write_bytes(changed)
    assert main(["freeze", "--lane", "loopback", "--out", str(tmp_path), "--check"]) == 1
    assert str(path) in capsys.readouterr().err
    assert path.read_bytes() == changed


def test_no_document_holds_a_run_a_time_or_a_path_of_this_machine() -> None:
    frozen = freeze_lane(shipped_sources(load_lane("loopback")))
    for document in frozen.documents().values():
        text = document.to_bytes().decode()
        assert "wall_ms" not in text
        assert str(Path.home()) + "/" not in text
        assert str(data_dir("fixtures")) not in text


def test_head_without_training_code_is_the_head_of_training_code() -> None:
    base = data_dir("fixtures") / "swarm" / "base"
    assert head_of(base) == head_identity(load_head(base), base)


def test_an_observed_drill_survives_the_next_freeze(tmp_path: Path) -> None:
    contract = load_lane("loopback")
    sources = shipped_sources(contract)
    frozen = freeze_lane(sources, {"stale_worker": observation(contract.digest)})
    path = tmp_path / frozen.places.of("drills")
    path.parent.mkdir(parents=True)
    path.write_bytes(frozen.drills.to_bytes())
    assert main(["freeze", "drills", "--lane", "loopback", "--out", str(tmp_path)]) == 0
    assert json.loads(path.read_bytes())["drills"][0]["observed"]["run_id"] == "drill-1"


def test_an_observation_of_another_contract_is_refused() -> None:
    contract = load_lane("loopback")
    topology = freeze_lane(shipped_sources(contract)).topology
    with pytest.raises(LaneSourceError, match="expected a run under contract"):
        failure_drills(contract, topology, {"stale_worker": observation("1" * 64)})


def test_nothing_is_observed_before_a_drill_ran() -> None:
    drills = freeze_lane(shipped_sources(load_lane(FIRST_LANE))).drills
    assert [drill.observed for drill in drills.drills] == [None] * 4
    assert [drill.promise for drill in drills.drills] == list(PROMISES.values())


def test_documents_that_differ_from_their_lane_are_named(fixtures: Path) -> None:
    contract = load_lane("loopback")
    frozen = freeze_lane(shipped_sources(contract))
    path = fixtures / frozen.places.of("plan")
    path.write_bytes(path.read_bytes().replace(b'"steps": 100', b'"steps": 101'))
    with pytest.raises(LaneSourceError, match=path.name):
        require_no_drift_from_files(frozen, fixtures)


@pytest.mark.parametrize("lane", LANES)
def test_a_lane_as_text_reads_back_to_the_same_digest(lane: str, tmp_path: Path) -> None:
    contract = load_lane(lane)
    (tmp_path / "again.toml").write_text(lane_toml(contract))
    assert load_lane(str(tmp_path / "again.toml")) == contract


def test_a_new_lane_is_its_own_contract_and_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "desk.toml"
    words = ["lane", "new", "desk", "--from", FIRST_LANE, "--linux-node", "swarm-linux-4090-a", "--out", str(path)]
    assert main(words) == 0
    contract = load_lane(str(path))
    assert (contract.lane_id, contract.nodes[1].node_id) == ("desk", "swarm-linux-4090-a")
    before = path.read_bytes()
    assert main(words) == 2
    assert path.read_bytes() == before
