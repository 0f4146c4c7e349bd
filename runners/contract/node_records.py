"""Bodies of the records that a contributor's runner journals."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from runners.contract.document import Word
from runners.contract.execution import ExecutionSettings
from runners.contract.figures import Bytes, Count, Duration, Measure, ProcessId
from runners.contract.names import FileName, Label, PublicKey, Sha256, Text
from runners.contract.plan import CheckpointRef, FileRef, UploadManifest
from runners.contract.receipts import Device
from runners.contract.states import Phase


class Opened(Word):
    """First record of every epoch."""

    pid: ProcessId
    process_started_ms: Count  # wall time at which the kernel started the process: pid and this name a process
    assignment_digest: Sha256
    node_public_key: PublicKey
    admission_digest: Sha256
    previous_file: FileName | None  # journal of the epoch before this one
    previous_tail: Sha256 | None


class Recovered(Word):
    """A torn tail was cut at the last newline before anything else was written."""

    cut_bytes: Bytes


class Claimed(Word):
    assignment_digest: Sha256


class Acknowledged(Word):
    assignment_digest: Sha256
    steps: Count
    samples: Count


class Preparing(Word):
    stage: Literal["import", "head", "shard", "adapter", "warm_up"]
    done: Count
    total: Count
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

    beat: Count
    phase: Phase
    step: Count
    steps: Count
    samples: Count
    loss: Measure | None  # of the last finished step
    step_ms: Duration | None  # of the last finished step
    memory_bytes: Bytes  # resident set of this process
    memory_total_bytes: Bytes


# What a host says of its card is hostile like all else: no figure that a card can't have.
MOST_CELSIUS = 200
MOST_MILLIWATTS = 10_000_000
MOST_PROCESSES = 65_535
Percent = Annotated[int, Field(ge=0, le=100)]
Celsius = Annotated[int, Field(ge=0, le=MOST_CELSIUS)]
Milliwatts = Annotated[int, Field(ge=0, le=MOST_MILLIWATTS)]
Slowing = Literal[
    "sw_power_cap",
    "hw_slowdown",
    "sync_boost",
    "sw_thermal_slowdown",
    "hw_thermal_slowdown",
    "hw_power_brake_slowdown",
]
CardTrouble = Literal[
    "no_bindings",  # nvidia-ml-py isn't installed
    "no_nvml",  # the driver's library isn't here, or is of another version than the driver
    "not_found",  # NVML knows no card of the one that computes
    "lost",  # the driver says so: fallen off the bus, or in need of a reset
    "refused",  # NVML answers with another error
    "silent",  # NVML was asked and hasn't answered
    "ended",  # who asks it has ended, more than once
]


class CardFigures(Word):
    """What NVIDIA's driver tells of the card, whoever uses it. None: it doesn't tell."""

    used_bytes: Bytes | None
    total_bytes: Bytes | None
    busy_percent: Percent | None  # of the driver's last sampling period, in which a kernel ran
    temperature_c: Celsius | None
    power_mw: Milliwatts | None
    power_limit_mw: Milliwatts | None
    slowing: Annotated[tuple[Slowing, ...], Field(max_length=6)] | None  # what holds the clocks down
    processes: Annotated[int, Field(ge=0, le=MOST_PROCESSES)] | None  # that compute on it, this one among them

    @model_validator(mode="after")
    def _no_more_than_there_is(self) -> Self:
        if self.used_bytes is not None and self.total_bytes is not None and self.used_bytes > self.total_bytes:
            raise ValueError(f"expected used_bytes of at most {self.total_bytes}, got {self.used_bytes}")
        return self


class HeldMemory(Word):
    """What this process holds of the accelerator's memory, as its array library counts it between two steps."""

    arrays_bytes: Bytes
    cached_bytes: Bytes  # kept beside them for the next ones
    peak_bytes: Bytes  # most that arrays came to
    recommended_bytes: Bytes | None  # Metal: the most that it recommends to hold at once


class AcceleratorRead(Word):
    """What the accelerator does now. Only a host that computes on one says it; it is no sign of life."""

    device_label: Annotated[str, StringConstraints(pattern=r"^(cuda|metal):[0-9]{1,3}$")]
    held: HeldMemory | None
    card: CardFigures | None
    trouble: CardTrouble | None  # why `card` isn't told where it should be


class Checkpointed(Word):
    """A training state lies in the run root, whole and synced, before this is written."""

    checkpoint: CheckpointRef
    samples: Count  # presented up to here, from the first step on
    loss: Measure  # of the last finished step


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
    "accelerator_read": AcceleratorRead,
    "checkpointed": Checkpointed,
    "produced": Produced,
    "failed": Failed,
    "exited": Exited,
    "log": Log,
}
