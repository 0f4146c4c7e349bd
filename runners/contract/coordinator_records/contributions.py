"""What a contributor made: seen, fetched, trained again, judged."""

from typing import Literal

from runners.contract.coordinator_records.finding import Finding
from runners.contract.document import Word
from runners.contract.journal import Head
from runners.contract.names import FileName, Label, NodeId, Sha256, Text
from runners.contract.plan import CheckpointRef, FileRef
from runners.contract.states import Disposition, ReplayOutcome


class CheckpointKept(Word):
    """Fetched as the contributor journaled it: same bytes, the expected tensors, finite values."""

    node_id: NodeId
    checkpoint: CheckpointRef
    head: Head


class CheckpointRefused(Word):
    """What was fetched is not a checkpoint of this work, or not the bytes that were journaled."""

    node_id: NodeId
    step: int
    reason: Label
    findings: tuple[Finding, ...]
    head: Head


class ContributionSeen(Word):
    """The contributor journaled `produced`; nothing has been fetched yet."""

    node_id: NodeId
    manifest_digest: Sha256
    files: tuple[FileRef, ...]
    produced_wall_ms: int
    head: Head


class ContributorFailed(Word):
    node_id: NodeId
    reason: Label
    detail: Text
    head: Head


class SubmissionJudged(Word):
    """Arrival at the coordinator: bytes as journaled, manifest as planned, tensors sane."""

    node_id: NodeId
    outcome: Literal["received", "rejected"]
    reason: Label
    findings: tuple[Finding, ...]
    manifest_digest: Sha256
    adapter_sha256: Sha256 | None
    size_bytes: int
    fetch_ms: int


class Quarantined(Word):
    node_id: NodeId
    name: FileName
    reason: Label
    sha256: Sha256
    size_bytes: int


class SkewMeasured(Word):
    """Difference between the contributors' produced times, by the coordinator's clock."""

    skew_ms: int
    first: NodeId
    last: NodeId
    bound_ms: int
    outcome: Literal["within_bound", "past_bound_waiting", "wait_then_replay"]


class ReplayJudged(Word):
    node_id: NodeId
    outcome: ReplayOutcome
    backend_label: Label
    relative_difference: float | None
    relative_bound: float
    max_loss_difference: float | None
    loss_bound: float
    segments: int
    exact_segments: int
    receipt_digest: Sha256 | None
    replayed_sha256: Sha256 | None  # of the last segment: the adapter
    detail: Text


class ContributionJudged(Word):
    node_id: NodeId
    disposition: Disposition
    findings: tuple[Finding, ...]
