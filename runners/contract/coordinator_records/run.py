"""The run as a process: who opened it, who took it over, its own work, and its end."""

from typing import Literal

from runners.contract.document import Word
from runners.contract.journal import Head
from runners.contract.lane import Policies
from runners.contract.names import FileName, Label, NodeId, PublicKey, Sha256, Text
from runners.contract.plan import CheckpointRef
from runners.contract.states import Classification


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

    activity: Literal["capture", "cut", "ship", "fetch", "replay", "merge", "score", "bundle"]
    node_id: NodeId | None
    done: int
    total: int
    detail: Text


class ObserverGap(Word):
    gap_ms: int
    cause: Label


class WorkFailed(Word):
    """The coordinator's own work (capture, cut, merge, score) failed; nobody's contribution is to blame."""

    activity: Label
    detail: Text


class Closed(Word):
    """Last record of a run."""

    classification: Classification
    reason: Text
    heads: tuple[Head, ...]
