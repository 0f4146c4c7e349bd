"""Documents of a bring-up: what a host measured about itself, and what follows from it."""

from typing import Literal

from runners.contract.document import Document, Word
from runners.contract.execution import ExecutionSettings, NamedSize
from runners.contract.figures import Bytes, Count, Duration, Measure
from runners.contract.lane import NodeContract
from runners.contract.names import Label, NodeId, PublicKey, RunId, Sha256, Signature, Text
from runners.contract.receipts import Device, Software

Disposition = Literal["ready_to_attempt", "refused_machine_contract", "refused_training_backend_blocker"]


class Machine(Word):
    """The host as its operating system names it. `None` is what this system doesn't tell."""

    os: Label  # linux, macos
    os_version: Text  # "15.3.1", "Debian GNU/Linux 12 (bookworm)"
    os_build: Label | None  # macOS: "24D70"
    kernel: Label
    arch: Label
    hardware_model: Text | None  # "Mac14,10"; Linux: the board's product name
    chip: Text
    cpu_count: Count
    memory_total_bytes: Bytes
    memory_available_bytes: Bytes
    memory_pressure: Label | None  # macOS: normal, warning, critical
    disk_free_bytes: Bytes


class Accelerator(Word):
    """The device that computes, as driver and library name it; `sources` says who was asked."""

    kind: Literal["cpu", "cuda", "metal"]
    name: Text
    visible: Count  # devices of this kind that the library can use
    memory_total_bytes: Bytes
    memory_free_before_bytes: Bytes
    memory_free_during_bytes: Bytes | None  # the least seen while training; None where nothing was trained
    driver: Label | None
    compute_capability: Label | None  # CUDA: "8.9"
    pci_bus_id: Label | None
    metal_family: Label | None  # "metal3"
    gpu_cores: Count | None
    throttling: tuple[Label, ...] | None  # reasons that hold the clocks down now; None where nobody tells
    sources: tuple[Label, ...]


class BringupFinding(Word):
    """One rule with what was measured and what the lane asks for. A machine's fault and a backend's are kept apart."""

    rule: Label
    scope: Literal["machine", "training"]
    holds: bool
    value: Text
    limit: Text


class MemoryNeed(Word):
    """What a training needs in one place, and what was free there before anything of it was read."""

    where: Literal["host", "device"]
    needed_bytes: Bytes
    free_bytes: Bytes
    parts: tuple[NamedSize, ...]  # of what is needed, in bytes; they add up to it


class MemoryPlan(Word):
    """The chunk of tokens that was chosen for what is free, and what it needs."""

    chunk_tokens: Count  # the execution settings have it too
    most_chunk_tokens: Count  # the recipe's
    needs: tuple[MemoryNeed, ...]


class Bf16Product(Word):
    """The same factors rounded to bf16, whose products are exact in f32: only what is lost in adding them up shows."""

    relative_error: float
    sample: tuple[float, ...]


class ProductProbe(Word):
    """A [rows, inner] times B [inner, columns] in f32 on the device, against the same in float64 on the processor.

    Both factors have full 24-bit mantissas, from Philox under `seed`, so a device that rounds them to TF32 shows.
    """

    device_label: Label
    seed: int
    rows: Count
    inner: Count
    columns: Count
    relative_error: float  # Frobenius, of the difference over the float64 product
    sample: tuple[float, ...]  # the first values of the first row, as the device gave them
    bf16: Bf16Product | None  # of a device that multiplies a bf16 head as it is (CUDA); an f32 result
    seconds: Duration


class GateReceipt(Document):
    """A short real training job on a problem made from a seed, in the words of a contributor's receipt."""

    schema_version: Literal["swarm.gate_receipt.v1"] = "swarm.gate_receipt.v1"
    run_id: RunId
    node_id: NodeId
    role: Literal["contributor"] = "contributor"
    contract_digest: Sha256
    device: Device
    software: Software
    family: Label
    format: Literal["safetensors"]
    precision: Literal["f32_reference"]
    seed: int
    head_sha256: Sha256  # of the problem's own head, not of the host's checkpoint
    initial_adapter_sha256: Sha256
    adapter_sha256: Sha256
    steps: Count
    samples_presented: Count
    tokens_presented: Count
    step_losses: tuple[Measure, ...]  # mean cross-entropy in nats, before that step's update
    initial_loss: Measure  # over all the problem's tokens, before the first step
    final_loss: Measure  # and after the last
    started_wall_ms: Count
    finished_wall_ms: Count
    train_seconds: Duration


class GateResult(Word):
    """The receipt of the job that trained, and the job that had to be refused."""

    receipt: GateReceipt
    signature: Signature  # by the node key over b"swarm.gate_receipt.v1\0" + digest (32 bytes)
    refused_precision: Label  # the precision that was asked for and correctly refused
    refusal: Text  # in the backend's own words


class Throughput(Word):
    """Training steps at the lane's geometry over the host's own head, cut into bands of equal work."""

    vocab_size: Count
    hidden_size: Count
    rank: Count
    chunk_tokens: Count
    threads: Count
    step_tokens: Count
    steps: Count
    seconds: Duration
    band_tokens_per_second: tuple[float, ...]  # in the order of time; at least five
    median_tokens_per_second: float
    lowest_tokens_per_second: float
    highest_tokens_per_second: float


class BringupReport(Document):
    """The per-host gate, taken on the host that it speaks of, for one run."""

    schema_version: Literal["swarm.bringup_report.v1"] = "swarm.bringup_report.v1"
    run_id: RunId
    node_id: NodeId
    lane_id: Label
    contract_digest: Sha256
    requirements: NodeContract  # as the contract has them, so that the report can be judged alone
    disposition: Disposition
    findings: tuple[BringupFinding, ...]
    reasons: tuple[Text, ...]  # the findings that don't hold, as sentences
    host_name: Label
    node_public_key: PublicKey
    node_key_fingerprint: Label
    machine: Machine
    accelerator: Accelerator | None
    device: Device | None
    software: Software | None
    memory: MemoryPlan | None
    execution: ExecutionSettings | None  # what it would train under; a plan freezes it
    probe: ProductProbe | None
    gate: GateResult | None
    throughput: Throughput | None
    head_sha256: Sha256 | None  # of the host's own checkpoint
    started_wall_ms: Count
    finished_wall_ms: Count
    claim_boundary: Text
