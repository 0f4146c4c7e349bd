"""Drift: a run whose plan or membership differs from the frozen documents is stopped, and the difference named."""

from pathlib import Path
from typing import Any

import pytest

from console.cli.errors import UsageError
from console.cli.start import create_run
from console.cli.start_options import StartOptions
from console.coordination.lane_file import load_lane
from console.coordination.planning import Hosts, Inputs, parts, plan_window
from console.evidence.lane_documents.drift import LaneDocuments, RunDocuments, drift
from console.evidence.lane_documents.frozen_lane import freeze_lane, retained_lane
from console.evidence.lane_documents.places import FIRST_LANE, endpoint
from console.evidence.lane_documents.sources import shipped_sources
from console.places import data_dir
from runners.contract.jobs import CutResult, CutSlice
from runners.contract.plan import FileRef, WindowPlan
from runners.contract.receipts import Member, MembershipReceipt
from runners.contract.shard_manifest import CaptureRecord, ShardManifest
from tests.execution_settings import EXECUTION

CONTRACT = load_lane("loopback")
SOURCES = shipped_sources(CONTRACT)
FROZEN = freeze_lane(SOURCES)
LANE = LaneDocuments(FROZEN.plan, FROZEN.topology)
CAPTURE = CaptureRecord(
    framework="transformers", framework_version="5", array_library="torch@2", device_label="cpu:0",
    compute_dtype="f32", stored_dtype="BF16", batch_size=16, threads=1,
)  # fmt: skip


def ref(name: str) -> FileRef:
    return FileRef(name=name, size_bytes=1, sha256="a" * 64)


def run_plan() -> WindowPlan:
    """As a run makes it: from captured shards, through the coordinator's own planning."""

    def manifest(split: Any) -> ShardManifest:
        return ShardManifest.seal(
            split=split.name, dataset_ref=CONTRACT.data.dataset_ref, dataset_sha256=split.sha256, head=SOURCES.head,
            sample_ids=split.sample_ids, tokens=10, prompt_template="t", capture=CAPTURE, file=ref("shard"),
        )  # fmt: skip

    cut = CutResult(
        initial_adapter=ref("initial_adapter.safetensors"),
        slices=tuple(
            CutSlice(file=ref(part.name), samples=len(part.sample_indices), tokens=5)
            for part in parts(CONTRACT, len(SOURCES.train.sample_ids))
        ),
    )
    inputs = Inputs(manifest(SOURCES.train), manifest(SOURCES.held_out), ref("held_out.safetensors"), cut)
    return plan_window(CONTRACT, "run-1", 0, inputs, Hosts({node.node_id: EXECUTION for node in CONTRACT.contributors}))


def membership(**changes: object) -> MembershipReceipt:
    """Every contributor on a CPU; `changes` are made to the second."""
    labels = {
        "mlx": "open_adapter_backend.mlx.cpu.gpt_oss_lm_head",
        "torch": "open_adapter_backend.torch.cpu.gpt_oss_lm_head",
    }
    members = [
        Member(
            node_id=node.node_id, roles=node.roles, node_public_key="b" * 64, backend_label=labels[node.backend],
            device_label="cpu:0", contract_endpoint=endpoint(node), observed_endpoint="127.0.0.1:1",
            bringup_digest="c" * 64, admission_digest=None,
        )
        for node in CONTRACT.contributors
    ]  # fmt: skip
    members[1] = Member.model_validate({**dict(members[1]), **changes})
    return MembershipReceipt.seal(
        run_id="run-1", contract_digest=CONTRACT.digest, coordinator_public_key="d" * 64,
        members=tuple(members), observed_wall_ms=1,
    )  # fmt: skip


def rules(plan: WindowPlan, members: MembershipReceipt) -> list[str]:
    return [finding.rule for finding in drift(LANE, RunDocuments(plan, members))]


def resealed(plan: WindowPlan, **changes: object) -> WindowPlan:
    fields = {name: getattr(plan, name) for name in WindowPlan.model_fields if name not in ("digest", "schema_version")}
    return WindowPlan.seal(**{**fields, **changes})


def test_a_run_planned_from_the_lane_has_not_drifted() -> None:
    assert rules(run_plan(), membership()) == []


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"contract_digest": "1" * 64}, "drift.plan_contract"),
        ({"lane_id": "other"}, "drift.plan_lane"),
        ({"dataset_sha256": "1" * 64}, "drift.dataset"),
        ({"held_out_sample_ids": ("validation-0000",)}, "drift.held_out"),
        ({"head": SOURCES.head.model_copy(update={"sha256": "1" * 64})}, "drift.head"),
        ({"assignments": run_plan().assignments[:1]}, "drift.assigned_nodes"),
    ],
)
def test_a_plan_that_differs_is_named_by_what_differs(changes: dict[str, object], rule: str) -> None:
    assert rules(resealed(run_plan(), **changes), membership()) == [rule]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"backend_label": "open_adapter_backend.mlx.cpu.gpt_oss_lm_head"}, "drift.backend/swarm-linux-a"),
        ({"device_label": "metal:0"}, "drift.device/swarm-linux-a"),
        ({"contract_endpoint": "10.0.0.9:34101"}, "drift.endpoint/swarm-linux-a"),
        ({"roles": ("contributor", "validator")}, "drift.roles/swarm-linux-a"),
    ],
)
def test_a_member_that_differs_is_named_by_what_differs(changes: dict[str, object], rule: str) -> None:
    assert rules(run_plan(), membership(**changes)) == [rule]


def test_samples_in_another_order_are_drift() -> None:
    first = run_plan().assignments[0]
    swapped = first.slice.model_copy(update={"sample_ids": first.slice.sample_ids[::-1]})
    changed = first.model_copy(update={"slice": swapped})
    plan = resealed(run_plan(), assignments=(changed, run_plan().assignments[1]))
    assert rules(plan, membership()) == ["drift.samples/swarm-mac-a"]


def test_a_topology_that_names_another_plan_is_drift() -> None:
    stale = FROZEN.topology.model_copy(update={"plan_digest": "1" * 64})
    found = drift(LaneDocuments(FROZEN.plan, stale), RunDocuments(run_plan(), membership()))
    assert [finding.rule for finding in found] == ["drift.topology_names_the_plan"]


def test_retained_documents_count_only_for_their_own_contract() -> None:
    root = data_dir("fixtures")
    assert retained_lane(root, CONTRACT) == (FROZEN.plan, FROZEN.topology)
    other = CONTRACT.model_copy(update={"digest": "1" * 64})
    assert retained_lane(root, other) is None


def test_the_frozen_lane_starts_no_other_host_in_place_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWARM_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("SWARM_HOME", str(tmp_path / "home"))
    with pytest.raises(UsageError, match=r"swarm-linux-4080-a: .*swarm-linux-4080-a\.local:34101"):
        create_run(StartOptions(lane=FIRST_LANE, run_id="r1"), check_ports=lambda _: None)
    assert not (tmp_path / "runs" / "r1").exists()
