"""The run's own plan, as a pure function of contract, captured data and slices."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from runners.contract.batches import batch_order
from runners.contract.execution import ExecutionSettings
from runners.contract.jobs import CutPart, CutResult
from runners.contract.lane import NodeContract, RunContract
from runners.contract.plan import (
    OUTBOX_FILES,
    TENSOR_A,
    TENSOR_B,
    Assignment,
    CheckpointRef,
    FileRef,
    HeadIdentity,
    Slice,
    TensorShape,
    UploadIdentity,
    UploadManifest,
    WindowPlan,
)
from runners.contract.shard_manifest import ShardManifest

WINDOW_ID = "window-1"
INITIAL_FILE = "initial_adapter.safetensors"
HELD_OUT_FILE = "held_out.safetensors"


@dataclass(frozen=True)
class Inputs:
    """What was captured and cut for one run."""

    train: ShardManifest
    held_out: ShardManifest
    held_out_file: FileRef
    cut: CutResult


@dataclass(frozen=True)
class Hosts:
    """What is known of each contributor when the plan is bound, by node id."""

    execution: Mapping[str, ExecutionSettings]  # of its bring-up
    kept: Mapping[str, tuple[CheckpointRef, ...]] = field(default_factory=dict)  # of earlier revisions, to go on from


def slice_file(node_id: str) -> str:
    return f"slice_{node_id}.safetensors"


def parts(contract: RunContract, samples: int) -> tuple[CutPart, ...]:
    """Contributor k of n gets every n-th sample from the k-th on: disjoint, and alike in kind."""
    nodes = contract.contributors
    return tuple(
        CutPart(name=slice_file(node.node_id), sample_indices=tuple(range(k, samples, len(nodes))))
        for k, node in enumerate(nodes)
    )


def plan_window(contract: RunContract, run_id: str, revision: int, inputs: Inputs, hosts: Hosts) -> WindowPlan:
    """Everything that can be known before training, up to the shapes and identity of each upload."""
    held_out = inputs.held_out
    return WindowPlan.seal(
        run_id=run_id,
        window_id=WINDOW_ID,
        revision=revision,
        lane_id=contract.lane_id,
        contract_digest=contract.digest,
        head=inputs.train.head,
        dataset_ref=inputs.train.dataset_ref,
        dataset_sha256=inputs.train.dataset_sha256,
        train_shard=inputs.train.file,
        held_out_shard=inputs.held_out_file,
        held_out_sample_ids=held_out.sample_ids,
        initial_adapter=inputs.cut.initial_adapter,
        assignments=tuple(
            _assign(contract, node, run_id, revision, inputs, hosts, k) for k, node in enumerate(contract.contributors)
        ),
    )


def _assign(
    contract: RunContract, node: NodeContract, run_id: str, revision: int, inputs: Inputs, hosts: Hosts, k: int
) -> Assignment:
    part = parts(contract, len(inputs.train.sample_ids))[k]
    cut = inputs.cut.slices[k]
    recipe = contract.recipe
    data = Slice(
        slice_id=f"{WINDOW_ID}/{node.node_id}",
        split=inputs.train.split,
        sample_ids=tuple(inputs.train.sample_ids[index] for index in part.sample_indices),
        tokens=cut.tokens,
        shard=cut.file,
    )
    return Assignment.seal(
        assignment_id=f"{run_id}/{WINDOW_ID}/{node.node_id}/r{revision}",
        run_id=run_id,
        window_id=WINDOW_ID,
        revision=revision,
        node_id=node.node_id,
        contract_digest=contract.digest,
        head=inputs.train.head,
        slice=data,
        initial_adapter=inputs.cut.initial_adapter,
        adapter=contract.adapter,
        recipe=recipe,
        batches=batch_order(recipe.seed + k, len(data.sample_ids), recipe.batch_samples, recipe.steps),
        execution=hosts.execution[node.node_id],
        continues_from=hosts.kept.get(node.node_id, ()),
        expected_upload=expected_upload(contract, node.node_id, run_id, revision, inputs, data),
    )


def expected_upload(
    contract: RunContract, node_id: str, run_id: str, revision: int, inputs: Inputs, data: Slice
) -> UploadManifest:
    head: HeadIdentity = inputs.train.head
    rank = contract.adapter.rank
    return UploadManifest.seal(
        files=OUTBOX_FILES,
        tensors=(
            TensorShape(name=TENSOR_A, dtype="F32", shape=(rank, head.hidden_size)),
            TensorShape(name=TENSOR_B, dtype="F32", shape=(head.vocab_size, rank)),
        ),
        identity=UploadIdentity(
            run_id=run_id,
            window_id=WINDOW_ID,
            node_id=node_id,
            revision=revision,
            head_sha256=head.sha256,
            slice_sha256=data.shard.sha256,
            initial_adapter_sha256=inputs.cut.initial_adapter.sha256,
            rank=rank,
            alpha=contract.adapter.alpha,
        ),
    )
