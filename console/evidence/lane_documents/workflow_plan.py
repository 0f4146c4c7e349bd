"""The lane's plan: everything about a window that is known before any run exists."""

from typing import Literal

from console.coordination.planning import parts
from console.evidence.lane_documents.places import PUBLISH_REPO, LanePlaces, coordinator
from console.evidence.lane_documents.receipt_contract import ReceiptContract, backend_labels, tensors
from console.evidence.lane_documents.sources import LaneSources, SplitFile
from runners.contract.batches import batch_order
from runners.contract.canonical import canonical_bytes, sha256_hex
from runners.contract.document import Document, Word
from runners.contract.lane import AdapterContract, NodeContract, PairTolerance, RecipeContract, RunContract
from runners.contract.names import FileName, Label, NodeId, Sha256, Text
from runners.contract.plan import OUTBOX_FILES, HeadIdentity, TensorShape

BOUNDARY = (
    "Planned, not measured: who would train which samples in which order, what would have to come back, how it "
    "would be replayed and judged, and where a snapshot would go. It names no run, no key and no machine, and no "
    "upload exists because of it. A run binds it to measured hosts in its own plan, and drift between the two "
    "stops that run."
)


class PlannedSplit(Word):
    name: Label
    file: FileName
    size_bytes: int
    sha256: Sha256
    samples: int
    sample_ids_sha256: Sha256  # over the canonical list of ids, in order


class PlannedUpload(Word):
    """The part of an upload manifest that no run can change."""

    files: tuple[FileName, ...]
    tensors: tuple[TensorShape, ...]
    head_sha256: Sha256
    rank: int
    alpha: float


class PlannedReplay(Word):
    backend: Literal["mlx", "torch", "reference"]
    comparison: Literal["exact_under_equal_settings_else_within_tolerance", "within_tolerance"]
    segment_steps: int
    tolerance: PairTolerance


class PlannedAssignment(Word):
    node_id: NodeId
    backend_labels: tuple[Label, ...]
    slice_rule: Label  # "every_2_from_0"
    samples: int
    sample_ids_sha256: Sha256
    batch_seed: int
    batches_sha256: Sha256  # over the canonical list of rows of indices
    expected_upload: PlannedUpload
    replay: PlannedReplay


class PlannedValidation(Word):
    validator_node_id: NodeId
    every_role_required: bool
    every_contribution_replayed: bool
    delta_norm_bound: float
    merge_rule: Literal["weighted_mean_of_deltas.rank_stacking"]
    weights: Literal["distinct_samples"]
    minimum_improvement: float  # nats per token on the held-out split, merge against base


class PublishExpectation(Word):
    """Where a snapshot goes if a later run earns promotion and the operator publishes it."""

    publisher_node_id: NodeId
    publish_id: Label
    target: Literal["hugging_face_snapshot"]
    repo_id: Label
    expected_directory: Label  # below fixtures/swarm/publications, or below --out
    posture: Literal["never_automatic"]


class WorkflowPlan(Document):
    schema_version: Literal["swarm.workflow_plan.v1"] = "swarm.workflow_plan.v1"
    lane_id: Label
    run_family_id: Label
    contract_digest: Sha256
    receipt_contract_digest: Sha256
    dataset_ref: Text
    dataset_manifest_sha256: Sha256
    splits: tuple[PlannedSplit, ...]
    head: HeadIdentity
    adapter: AdapterContract
    recipe: RecipeContract
    assignments: tuple[PlannedAssignment, ...]
    validation: PlannedValidation
    publish_expectation: PublishExpectation
    claim_boundary: Text


def workflow_plan(sources: LaneSources, receipts: ReceiptContract) -> WorkflowPlan:
    contract = sources.contract
    return WorkflowPlan.seal(
        lane_id=contract.lane_id,
        run_family_id=contract.run_family_id,
        contract_digest=contract.digest,
        receipt_contract_digest=receipts.digest,
        dataset_ref=contract.data.dataset_ref,
        dataset_manifest_sha256=sources.dataset_manifest_sha256,
        splits=(_split(sources.train), _split(sources.held_out)),
        head=sources.head,
        adapter=contract.adapter,
        recipe=contract.recipe,
        assignments=tuple(_assignment(sources, node, k) for k, node in enumerate(contract.contributors)),
        validation=PlannedValidation(
            validator_node_id=next(node.node_id for node in contract.nodes if "validator" in node.roles),
            every_role_required=True,
            every_contribution_replayed=True,
            delta_norm_bound=contract.governance.delta_norm_bound,
            merge_rule="weighted_mean_of_deltas.rank_stacking",
            weights="distinct_samples",
            minimum_improvement=contract.governance.minimum_improvement,
        ),
        publish_expectation=publish_expectation(contract),
        claim_boundary=BOUNDARY,
    )


def publish_expectation(contract: RunContract) -> PublishExpectation:
    """The first lane's snapshot has the runbook's name; every other lane gets one of its own."""
    places = LanePlaces(contract.lane_id)
    return PublishExpectation(
        publisher_node_id=coordinator(contract).node_id,
        publish_id=places.publish_id,
        target="hugging_face_snapshot",
        repo_id=PUBLISH_REPO,
        expected_directory=places.snapshot_dir,
        posture="never_automatic",
    )


def ids_sha256(sample_ids: tuple[str, ...]) -> str:
    return sha256_hex(canonical_bytes(list(sample_ids)))


def batches_sha256(batches: tuple[tuple[int, ...], ...]) -> str:
    return sha256_hex(canonical_bytes([list(row) for row in batches]))


def _split(split: SplitFile) -> PlannedSplit:
    return PlannedSplit(
        name=split.name,
        file=split.file,
        size_bytes=split.size_bytes,
        sha256=split.sha256,
        samples=len(split.sample_ids),
        sample_ids_sha256=ids_sha256(split.sample_ids),
    )


def _assignment(sources: LaneSources, node: NodeContract, k: int) -> PlannedAssignment:
    contract = sources.contract
    recipe = contract.recipe
    indices = parts(contract, len(sources.train.sample_ids))[k].sample_indices
    ids = tuple(sources.train.sample_ids[index] for index in indices)
    return PlannedAssignment(
        node_id=node.node_id,
        backend_labels=backend_labels(node),
        slice_rule=f"every_{len(contract.contributors)}_from_{k}",
        samples=len(ids),
        sample_ids_sha256=ids_sha256(ids),
        batch_seed=recipe.seed + k,
        batches_sha256=batches_sha256(batch_order(recipe.seed + k, len(ids), recipe.batch_samples, recipe.steps)),
        expected_upload=PlannedUpload(
            files=OUTBOX_FILES,
            tensors=tensors(contract, sources.head),
            head_sha256=sources.head.sha256,
            rank=contract.adapter.rank,
            alpha=contract.adapter.alpha,
        ),
        replay=_replay(contract, node),
    )


def _replay(contract: RunContract, node: NodeContract) -> PlannedReplay:
    governance = contract.governance
    same = governance.same_backend_exact and node.backend == governance.replay_backend
    return PlannedReplay(
        backend=governance.replay_backend,
        comparison="exact_under_equal_settings_else_within_tolerance" if same else "within_tolerance",
        segment_steps=contract.recipe.checkpoint_steps,
        tolerance=governance.tolerance(node.backend, governance.replay_backend),
    )
