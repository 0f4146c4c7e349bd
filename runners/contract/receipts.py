"""Documents that say what happened on a host."""

from typing import Literal

from runners.contract.document import Document, Word
from runners.contract.execution import ExecutionSettings
from runners.contract.figures import Bytes, Count, Duration, Measure
from runners.contract.lane import PairTolerance
from runners.contract.names import FileName, Label, NodeId, PublicKey, RunId, Sha256, Text
from runners.contract.plan import CheckpointRef, FileRef


class Software(Word):
    python: Label
    platform: Label
    backend: Label  # "torch 2.13.0+cpu", spaces replaced by "@": "torch@2.13.0+cpu"
    runners_sha256: Sha256  # over the source files of the runners package


class Device(Word):
    """The device that really computes, and how it is set."""

    backend_label: Label  # open_adapter_backend.torch.cpu.gpt_oss_lm_head
    kind: Literal["cpu", "cuda", "metal"]
    device_label: Label  # cpu:0, cuda:0, metal:0
    name: Text  # "AMD EPYC", "NVIDIA GeForce RTX 4080", "Apple M2 Pro"
    memory_total_bytes: Bytes
    threads: Count
    blas: Label
    tf32: bool


class ContributorReceipt(Document):
    """What a contributor did with its assignment, in its own words; bound to the adapter's bytes."""

    schema_version: Literal["swarm.contributor_receipt.v1"] = "swarm.contributor_receipt.v1"
    run_id: RunId
    window_id: Label
    revision: Count
    node_id: NodeId
    assignment_digest: Sha256
    contract_digest: Sha256
    device: Device
    software: Software
    execution: ExecutionSettings
    initial_adapter_sha256: Sha256
    slice_sha256: Sha256
    head_sha256: Sha256
    adapter: FileRef
    adapter_config: FileRef
    checkpoints: tuple[CheckpointRef, ...]  # by step, from the first on: those that were gone on from, then its own
    continued_from: CheckpointRef | None  # written in an earlier revision; the steps up to it weren't done again
    steps: Count  # of the whole work, as are the next three and the losses
    samples_presented: Count
    distinct_samples: Count
    tokens_presented: Count
    step_losses: tuple[Measure, ...]  # mean cross-entropy in nats, before that step's update
    started_wall_ms: Count
    finished_wall_ms: Count
    train_seconds: Duration  # of this revision's own steps,
    tokens_trained: Count  # which presented so many


class AdmissionReceipt(Document):
    """Both sides held the token. The MACs themselves are never kept."""

    schema_version: Literal["swarm.admission_receipt.v1"] = "swarm.admission_receipt.v1"
    run_id: RunId
    node_id: NodeId
    role: Literal["contributor"]
    contract_digest: Sha256
    coordinator_public_key: PublicKey
    node_public_key: PublicKey
    host_key_fingerprint: Label  # of the SSH host key that the coordinator saw; "local" without SSH
    coordinator_nonce: Sha256  # 32 random bytes, hex
    node_nonce: Sha256
    token_custody: Literal["proved", "handed_over"]
    admitted_wall_ms: Count


class Member(Word):
    node_id: NodeId
    roles: tuple[Label, ...]
    node_public_key: PublicKey
    backend_label: Label
    device_label: Label
    contract_endpoint: Label
    observed_endpoint: Label
    bringup_digest: Sha256
    admission_digest: Sha256 | None  # None only for the coordinator's own role


class MembershipReceipt(Document):
    """Who took part, on which measured machines, under which keys."""

    schema_version: Literal["swarm.membership_receipt.v1"] = "swarm.membership_receipt.v1"
    run_id: RunId
    contract_digest: Sha256
    coordinator_public_key: PublicKey
    members: tuple[Member, ...]
    observed_wall_ms: Count


class Distance(Word):
    """How far a contributor's end of a segment is from the replayed end. Frobenius norms, in float64."""

    what: Literal["delta", "mean_a", "square_a", "mean_b", "square_b"]  # delta = s B A; AdamW's moments
    difference: float
    change: float  # from the segment's start to its replayed end
    norm: float  # of the replayed end


class SegmentReplay(Word):
    """From one checkpoint of the contributor to the next, done again. `replayed` is what the replay process wrote
    before it was given the start of the next segment."""

    first_step: Count  # counted from 1
    last_step: Count
    start_sha256: Sha256  # the assigned initial adapter, or the contributor's checkpoint
    end_sha256: Sha256  # the contributor's next checkpoint, or its adapter
    replayed: FileRef
    outcome: Literal["exact", "within_tolerance", "mismatch"]
    distances: tuple[Distance, ...]  # of the last segment the delta alone: an adapter has no moments
    max_loss_difference: float


class ReplayReceipt(Document):
    """The validator did the work again, segment by segment, from the contributor's own checkpoints."""

    schema_version: Literal["swarm.replay_receipt.v1"] = "swarm.replay_receipt.v1"
    run_id: RunId
    window_id: Label
    revision: Count
    node_id: NodeId
    assignment_digest: Sha256
    contributor_backend_label: Label
    replay_device: Device
    replay_software: Software
    contributor_execution: ExecutionSettings
    replay_execution: ExecutionSettings
    contribution_sha256: Sha256
    continued_from: CheckpointRef | None  # as the assignment has it; the steps before it are replayed all the same
    segments: tuple[SegmentReplay, ...]
    outcome: Literal["exact", "within_tolerance", "mismatch"]  # the worst of the segments
    relative_difference: float  # the largest difference over change
    max_loss_difference: float
    tolerance: PairTolerance  # the lane's, for this pair of backends
    step_losses: tuple[Measure, ...]  # of the replay
    replay_seconds: Duration


class HeldOutScore(Word):
    subject: Label  # "base", a node id, or "merge"
    mean_loss: Measure  # nats per response token
    tokens: Count


class ScoreReceipt(Document):
    schema_version: Literal["swarm.score_receipt.v1"] = "swarm.score_receipt.v1"
    run_id: RunId
    window_id: Label
    held_out_sha256: Sha256
    device: Device
    scores: tuple[HeldOutScore, ...]


class MergedContribution(Word):
    node_id: NodeId
    adapter_sha256: Sha256
    samples: Count  # distinct samples of the slice
    weight_numerator: Count  # weight = numerator / denominator, the same numbers in every document
    weight_denominator: Count


class MergeReport(Document):
    """The exact weighted mean of the deltas, by rank stacking."""

    schema_version: Literal["swarm.merged_artifact_report.v1"] = "swarm.merged_artifact_report.v1"
    run_id: RunId
    window_id: Label
    rule: Literal["weighted_mean_of_deltas.rank_stacking"]
    contributions: tuple[MergedContribution, ...]
    merged_adapter: FileRef
    merged_adapter_config: FileRef
    rank: Count
    alpha: float
    delta_norm: float
    residual: float  # ‖merged - weighted mean‖ / ‖weighted mean‖, measured in float64


class GateValue(Word):
    gate: Label
    passed: bool
    value: Text
    threshold: Text


class PromotionReceipt(Document):
    schema_version: Literal["swarm.promotion_receipt.v1"] = "swarm.promotion_receipt.v1"
    run_id: RunId
    window_id: Label
    disposition: Literal["promoted", "held"]
    gates: tuple[GateValue, ...]
    merged_adapter_sha256: Sha256
    publish_disposition: Literal["refused"]
    publish_reason: Text


class OperatorCommand(Document):
    """An act of the operator, left in the run's inbox under a name that makes it happen once."""

    schema_version: Literal["swarm.operator_command.v1"] = "swarm.operator_command.v1"
    command_id: FileName
    run_id: RunId
    command: Literal["stop"]
    reason: Text
    created_wall_ms: Count
    operator_public_key: PublicKey
    signature: str  # Ed25519, hex, over b"swarm.operator_command.v1\\0" + canonical body without signature and digest
