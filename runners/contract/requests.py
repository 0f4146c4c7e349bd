"""The closed list of verbs that a host answers, and the lines that go back and forth.

Every verb is one process: `python -m runners <verb>` with JSON lines on standard input and output. The agent
maps the same words to the same process; a host with a system sshd runs it by exec. A line is canonical JSON.
"""

from typing import Literal

from runners.contract.bringup import BringupReport
from runners.contract.document import Word
from runners.contract.figures import Bytes, Count, Port, ProcessId
from runners.contract.lane import RunContract
from runners.contract.names import FileName, Label, NodeId, PublicKey, RunId, Sha256, Signature, Text
from runners.contract.plan import Assignment, FileRef
from runners.contract.receipts import AdmissionReceipt

CHECKPOINT_MISSING = "checkpoint_missing"  # `launch`: the start isn't on this host any more; ship it and ask again
VERBS = ("bringup", "admit", "receive", "launch", "begin", "status", "release", "stop", "reach")


class Refusal(Word):
    """What a verb answers instead of its response."""

    refused: Label
    detail: Text


class BringupRequest(Word):
    run_id: RunId
    node_id: NodeId
    contract: RunContract
    gate_steps: int


class BringupResponse(Word):
    report: BringupReport
    signature: Signature  # by the node key over b"swarm.bringup_report.v1\0" + digest (32 bytes)


class AdmitChallenge(Word):
    """Line 1, coordinator to node. With custody `handed_over` the token follows in line 2, by pipe only."""

    run_id: RunId
    node_id: NodeId
    contract_digest: Sha256
    coordinator_public_key: PublicKey
    host_key_fingerprint: Label  # as the coordinator saw it; the node's agent refuses another than its own
    coordinator_nonce: Sha256
    token_custody: Literal["proved", "handed_over"]


class TokenLine(Word):
    token: str


class AdmitAnswer(Word):
    """Node to coordinator: proof that it holds the token."""

    node_public_key: PublicKey
    node_nonce: Sha256
    mac: Sha256


class AdmitConfirmation(Word):
    """Coordinator to node: proof of the other direction, under another key."""

    mac: Sha256
    admitted_wall_ms: Count


class AdmitResponse(Word):
    receipt: AdmissionReceipt
    signature: Signature  # by the node key over b"swarm.admission_receipt.v1\0" + digest (32 bytes)


class ReceiveRequest(Word):
    """Line 1; exactly `archive.size_bytes` bytes of an uncompressed tar follow."""

    run_id: RunId
    node_id: NodeId
    archive: FileRef
    members: tuple[FileRef, ...]


class ReceiveResponse(Word):
    reused: bool
    free_bytes: Bytes


class LaunchRequest(Word):
    """Everything named here lies in the received archive already; a checkpoint to go on from may lie where this host
    left it."""

    run_id: RunId
    node_id: NodeId
    archive_sha256: Sha256
    assignment: Assignment
    contract: RunContract
    coordinator_public_key: PublicKey


class LaunchResponse(Word):
    """Asked twice, answered the same: the launch happens once per (run, node, revision)."""

    pid: ProcessId
    process_started_ms: Count
    revision: Count
    epoch: Count
    journal: FileName


class Begin(Word):
    """The coordinator's permission to train, once every required node is ready."""

    run_id: RunId
    window_id: Label
    revision: Count
    contract_digest: Sha256
    assignment_digests: tuple[Sha256, ...]


class BeginRequest(Word):
    node_id: NodeId
    begin: Begin
    signature: Signature  # by the coordinator's key over b"swarm.begin.v1\0" + canonical bytes of `begin`


class RunnerRequest(Word):
    """`status`, `release` and `stop` speak of one launched runner."""

    run_id: RunId
    node_id: NodeId
    revision: Count


class RunnerStatus(Word):
    """`alive` rests on the lock that the runner holds and on pid plus start time; `proven_dead` on both being free."""

    alive: bool
    proven_dead: bool
    pid: ProcessId | None
    detail: Text


class ReachRequest(Word):
    """Try the way back: the host connects to where the coordinator came from, at this port, and nowhere else."""

    port: Port
    nonce: Sha256  # what answers there has to say it


class ReachResponse(Word):
    reached: bool
    address: Label  # that was tried
    detail: Text


class Done(Word):
    done: Literal[True] = True
