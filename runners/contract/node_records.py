"""Bodies of the records that a contributor's runner journals."""

from typing import Literal

from runners.contract.document import Word
from runners.contract.execution import ExecutionSettings
from runners.contract.names import FileName, Label, PublicKey, Sha256, Text
from runners.contract.plan import CheckpointRef, FileRef, UploadManifest
from runners.contract.receipts import Device
from runners.contract.states import Phase


class Opened(Word):
    """First record of every epoch."""

    pid: int
    process_started_ms: int  # wall time at which the kernel started the process: pid and this name a process
    assignment_digest: Sha256
    node_public_key: PublicKey
    admission_digest: Sha256
    previous_file: FileName | None  # journal of the epoch before this one
    previous_tail: Sha256 | None


class Recovered(Word):
    """A torn tail was cut at the last newline before anything else was written."""

    cut_bytes: int


class Claimed(Word):
    assignment_digest: Sha256


class Acknowledged(Word):
    assignment_digest: Sha256
    steps: int
    samples: int


class Preparing(Word):
    stage: Literal["import", "head", "shard", "adapter", "warm_up"]
    done: int
    total: int
    unit: Literal["bytes", "steps", "stages"]
    detail: Text


class Ready(Word):
    device: Device
    head_sha256: Sha256
    slice_sha256: Sha256
    initial_adapter_sha256: Sha256
    execution: ExecutionSettings  # as read back here; the planned ones stand in the assignment
    start: CheckpointRef | None  # what it goes on from, as read and hashed here


class Began(Word):
    begin_digest: Sha256  # of the coordinator's signed permission


class Heartbeat(Word):
    """Alive is not the same as progressing: `beat` counts the signs of life, `step` the work."""

    beat: int
    phase: Phase
    step: int
    steps: int
    samples: int
    loss: float | None  # of the last finished step
    step_ms: float | None  # of the last finished step
    memory_bytes: int  # resident set of this process
    memory_total_bytes: int


class Checkpointed(Word):
    """A training state lies in the run root, whole and synced, before this is written."""

    checkpoint: CheckpointRef
    samples: int  # presented up to here, from the first step on
    loss: float  # of the last finished step


class Produced(Word):
    """The upload lies in the outbox, whole and synced, before this is written."""

    manifest: UploadManifest
    files: tuple[FileRef, ...]
    receipt_digest: Sha256


class Failed(Word):
    reason: Label
    detail: Text


class Exited(Word):
    reason: Literal["released", "stopped", "failed", "orphaned"]
    code: int


class Log(Word):
    level: Literal["info", "warning", "error"]
    text: Text


NODE_BODIES: dict[str, type[Word]] = {
    "opened": Opened,
    "recovered": Recovered,
    "claimed": Claimed,
    "acknowledged": Acknowledged,
    "preparing": Preparing,
    "ready": Ready,
    "began": Began,
    "heartbeat": Heartbeat,
    "checkpointed": Checkpointed,
    "produced": Produced,
    "failed": Failed,
    "exited": Exited,
    "log": Log,
}
