"""Bodies of the records that the coordinator journals: observations, then decisions that rest on them."""

from typing import Annotated, Literal

from pydantic import Field

from runners.contract.document import Word
from runners.contract.journal import Head
from runners.contract.lane import Policies
from runners.contract.names import FileName, Label, NodeId, PublicKey, Sha256, Text
from runners.contract.plan import CheckpointRef, FileRef
from runners.contract.receipts import GateValue, HeldOutScore, MergedContribution
from runners.contract.states import (
    Classification,
    Departure,
    Disposition,
    LinkState,
    ReplayOutcome,
    RunnerState,
    WindowState,
)


class Finding(Word):
    """One failed rule."""

    rule: Label
    expected: Text
    got: Text


class NodeCard(Word):
    node_id: NodeId
    roles: tuple[Label, ...]
    backend: Label
    transport: Literal["local", "ssh"]
    contract_endpoint: Label


class RunOpened(Word):
    """First record of a run: what the coordinator was asked to do."""

    lane_id: Label
    contract_digest: Sha256
    contributors: tuple[NodeCard, ...]
    policies: Policies
    steps: int
    coordinator_public_key: PublicKey
    operator_public_key: PublicKey
    pid: int


class Continued(Word):
    """Where a node goes on, instead of from the start."""

    node_id: NodeId
    checkpoints: tuple[CheckpointRef, ...]  # all that are kept of its slice, by step; the last one is the start


class RevisionOpened(Word):
    """A replay: the same slices again under the same contract, because an earlier revision ended without a merge."""

    revision: int
    previous_bundle_digest: Sha256
    previous_classification: Classification
    continued: tuple[Continued, ...]


class EpochOpened(Word):
    """A coordinator took over this run's journal after another one ended."""

    pid: int
    previous_file: FileName
    previous_tail: Sha256
    gap_ms: int  # wall clock since the last record: nobody was watching


class Recovered(Word):
    cut_bytes: int


class OperatorActed(Word):
    command_id: FileName
    command: Label
    command_digest: Sha256
    reason: Text


class Working(Word):
    """The coordinator's own long work, at most once a second, so that nobody looks at a silent screen."""

    activity: Literal["capture", "cut", "fetch", "replay", "merge", "score", "bundle"]
    node_id: NodeId | None
    done: int
    total: int
    detail: Text


class InputsPrepared(Word):
    """Hidden states of both splits are captured, and cut into slices for this run."""

    reused: bool  # captured by an earlier run from the same model, tokenizer and data
    head_sha256: Sha256
    train_samples: int
    train_tokens: int
    held_out_samples: int
    held_out_tokens: int


class AgentStarted(Word):
    """Loopback only: the coordinator started the remote host's agent itself."""

    node_id: NodeId
    pid: int
    process_started_ms: int
    address: Label
    port: int
    host_key: Text  # OpenSSH public key line, to pin again after a restart of the coordinator
    host_key_fingerprint: Label


class LinkChanged(Word):
    node_id: NodeId
    state: LinkState
    reason: Text
    endpoint: Label
    rtt_ms: float | None
    host_key_fingerprint: Label | None


class Direction(Word):
    """What the lane says, what was used, and whether bytes came through."""

    contract_endpoint: Label
    observed_endpoint: Label
    outcome: Literal["reached", "not_reached", "not_tried"]
    detail: Text


class DirectionsTested(Word):
    """Both ways between the coordinator and one host, tried at bring-up. Only one of them has to work."""

    node_id: NodeId
    outward: Direction  # the coordinator reaches the contributor's endpoint
    inward: Direction  # the contributor reaches the coordinator's endpoint


class BringupReceived(Word):
    node_id: NodeId
    disposition: Label
    reasons: tuple[Text, ...]
    report_digest: Sha256
    backend_label: Label
    device_label: Label
    device_name: Text
    node_public_key: PublicKey


class BringupRefused(Word):
    """The gate refused, or no report could be had at all (then `reason` says why)."""

    node_id: NodeId
    reason: Label
    detail: Text
    report_digest: Sha256 | None


class AdmissionDecided(Word):
    node_id: NodeId
    outcome: Literal["admitted", "refused"]
    reason: Label
    detail: Text
    token_custody: Literal["proved", "handed_over"]
    receipt_digest: Sha256 | None
    node_public_key: PublicKey | None


class PlanBound(Word):
    plan_digest: Sha256
    membership_digest: Sha256


class DriftFound(Word):
    """What the run acts on is no longer what the topology contract froze, or what was bound to it."""

    document: Literal["run_contract", "window_plan", "membership_receipt", "topology"]
    findings: Annotated[tuple[Finding, ...], Field(min_length=1)]


class Shipped(Word):
    node_id: NodeId
    archive_sha256: Sha256
    size_bytes: int
    reused: bool


class Launched(Word):
    node_id: NodeId
    revision: int
    epoch: int
    pid: int
    process_started_ms: int
    journal: FileName


class PreparationFailed(Word):
    node_id: NodeId
    reason: Label
    detail: Text


class RunnerReady(Word):
    node_id: NodeId
    device_label: Label
    backend_label: Label
    head: Head


class WindowOpened(Word):
    """The clocks run from here."""

    begin_digest: Sha256


class RunnerChanged(Word):
    """LIVE, STALE, LOST, EXITED are the coordinator's words; `beat_age_ms` is what it knew when it said so."""

    node_id: NodeId
    before: RunnerState
    after: RunnerState
    beat_age_ms: int | None
    bound_ms: int | None
    departure: Departure | None
    cause: Text
    head: Head | None


class JournalBroken(Word):
    node_id: NodeId
    reason: Label
    detail: Text
    head: Head


class ObserverGap(Word):
    gap_ms: int
    cause: Label


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


class Scored(Word):
    scores: tuple[HeldOutScore, ...]
    receipt_digest: Sha256


class WorkFailed(Word):
    """The coordinator's own work (capture, cut, merge, score) failed; nobody's contribution is to blame."""

    activity: Label
    detail: Text


class Merged(Word):
    report_digest: Sha256
    merged_sha256: Sha256
    rank: int
    contributions: tuple[MergedContribution, ...]


class PromotionDecided(Word):
    disposition: Literal["promoted", "held"]
    gates: tuple[GateValue, ...]
    publish_disposition: Literal["refused"]
    publish_reason: Text
    receipt_digest: Sha256


class ReplayOutlook(Word):
    """May the same slices be done again under the same contract? Said when an attempt ended for want of a contributor.

    A replay is possible exactly when nothing was found that stands in its way.
    """

    possible: bool
    findings: tuple[Finding, ...]


class WindowChanged(Word):
    """A decision, and the journals that it rests on."""

    before: WindowState
    after: WindowState
    reason: Text
    heads: tuple[Head, ...]


class Released(Word):
    """The runner was told that it may go, and its end was proven (lock free, process gone)."""

    node_id: NodeId
    proven_dead: bool
    detail: Text


class Closed(Word):
    """Last record of a run."""

    classification: Classification
    reason: Text
    heads: tuple[Head, ...]


COORDINATOR_BODIES: dict[str, type[Word]] = {
    "run_opened": RunOpened,
    "revision_opened": RevisionOpened,
    "epoch_opened": EpochOpened,
    "recovered": Recovered,
    "operator_acted": OperatorActed,
    "working": Working,
    "inputs_prepared": InputsPrepared,
    "agent_started": AgentStarted,
    "link_changed": LinkChanged,
    "directions_tested": DirectionsTested,
    "bringup_received": BringupReceived,
    "bringup_refused": BringupRefused,
    "admission_decided": AdmissionDecided,
    "plan_bound": PlanBound,
    "drift_found": DriftFound,
    "shipped": Shipped,
    "launched": Launched,
    "preparation_failed": PreparationFailed,
    "runner_ready": RunnerReady,
    "window_opened": WindowOpened,
    "runner_changed": RunnerChanged,
    "journal_broken": JournalBroken,
    "observer_gap": ObserverGap,
    "checkpoint_kept": CheckpointKept,
    "checkpoint_refused": CheckpointRefused,
    "contribution_seen": ContributionSeen,
    "contributor_failed": ContributorFailed,
    "submission_judged": SubmissionJudged,
    "quarantined": Quarantined,
    "skew_measured": SkewMeasured,
    "replay_judged": ReplayJudged,
    "contribution_judged": ContributionJudged,
    "scored": Scored,
    "work_failed": WorkFailed,
    "merged": Merged,
    "promotion_decided": PromotionDecided,
    "window_changed": WindowChanged,
    "replay_outlook": ReplayOutlook,
    "released": Released,
    "closed": Closed,
}
