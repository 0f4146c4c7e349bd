"""A host and its runner: reached, gated, admitted, launched, watched, released."""

from typing import Literal

from runners.contract.document import Word
from runners.contract.journal import Head
from runners.contract.names import FileName, Label, NodeId, PublicKey, Sha256, Text
from runners.contract.states import Departure, LinkState, RunnerState


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


class Released(Word):
    """The runner was told that it may go, and its end was proven (lock free, process gone)."""

    node_id: NodeId
    proven_dead: bool
    detail: Text
