"""`bringup`: the per-host gate. What this machine is, whether the lane may use it, and a short real training job."""

import platform
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runners.contract.bringup import (
    Accelerator,
    BringupFinding,
    BringupReport,
    GateReceipt,
    GateResult,
    MemoryPlan,
    ProductProbe,
    Throughput,
)
from runners.contract.execution import ExecutionSettings
from runners.contract.jobs import BackendName
from runners.contract.lane import NodeContract
from runners.contract.receipts import Device, Software
from runners.contract.requests import BringupRequest, BringupResponse
from runners.process import judging
from runners.process.admission import require_contract
from runners.process.errors import Refused
from runners.process.probes.machine import machine
from runners.process.refusals import detail_of
from runners.process.run_root import RunRoot
from runners.process.settings import HostSettings
from runners.process.wire import Wire
from runners.records.clock import Clock
from runners.records.keys import SigningKey

if TYPE_CHECKING:  # these bring NumPy, and every verb would wait for it
    from runners.training.backend import Backend
    from runners.training.head import Head

REPORT_PREFIX = b"swarm.bringup_report.v1\0"
GATE_PREFIX = b"swarm.gate_receipt.v1\0"
MIN_GATE_STEPS, MAX_GATE_STEPS = 2, 1000  # a loss can't be seen falling in one step
CLAIM_BOUNDARY = (
    "Measured by this host about itself, once. A gate in this report trained a made-up problem on the device named "
    "here: it shows that this backend computes and learns on it. A report without a gate shows only what the machine "
    "is. Neither says anything about an assignment or about other hosts."
)


@dataclass(frozen=True)
class Bench:
    """What a bring-up is done with."""

    settings: HostSettings
    request: BringupRequest
    node: NodeContract
    key: SigningKey
    clock: Clock

    @property
    def backend(self) -> BackendName:
        return self.settings.backend or self.node.backend

    def trouble(self, error: Exception) -> str:
        """As a finding about the backend tells it."""
        return f"{self.backend}: {type(error).__name__}: {detail_of(error, self.settings)}"


@dataclass
class Measured:
    """What was measured so far, and what follows from it."""

    head: "Head | None" = None
    device: Device | None = None
    accelerator: Accelerator | None = None
    software: Software | None = None
    memory: MemoryPlan | None = None
    execution: ExecutionSettings | None = None
    probe: ProductProbe | None = None
    gate: GateResult | None = None
    throughput: Throughput | None = None
    findings: list[BringupFinding] = field(default_factory=list)

    @property
    def admitted(self) -> bool:
        return all(finding.holds for finding in self.findings)


def bringup(settings: HostSettings, wire: Wire) -> BringupResponse:
    """Raises Refused where no report can be made; a host that fails the gate gets a report that says so."""
    request = wire.read(BringupRequest)
    require_contract(settings.contract_digest, request.contract.digest)
    node = _node(request)
    root = RunRoot(settings.make_run_root())
    require_free_of_others(root, request)
    key = SigningKey.load_or_create(settings.key_path(request.node_id))
    report = measure(Bench(settings, request, node, key, Clock().anchored()))
    signature = key.sign(REPORT_PREFIX + bytes.fromhex(report.digest))
    root.keep_bringup(report, signature)
    return BringupResponse(report=report, signature=signature)


def require_free_of_others(root: RunRoot, request: BringupRequest) -> None:
    """A run root belongs to one node of one run for good."""
    report = root.last_bringup()
    if report is not None and (report.run_id, report.node_id) != (request.run_id, request.node_id):
        raise Refused(
            "another_run",
            f"run root: expected {report.node_id} of run {report.run_id}, "
            f"got {request.node_id} of run {request.run_id}; use a folder of its own",
        )


def measure(bench: Bench) -> BringupReport:
    started, request, measured = bench.clock.wall_ms(), bench.request, Measured()
    host = machine(bench.settings.run_root)
    measured.findings += judging.judge_machine(bench.node, host)
    backend, trouble = load_backend(bench)
    inspect_checkpoint(bench, measured, backend)
    inspect_backend(bench, measured, backend, trouble)
    findings = tuple(measured.findings)
    return BringupReport.seal(
        run_id=request.run_id,
        node_id=request.node_id,
        lane_id=request.contract.lane_id,
        contract_digest=request.contract.digest,
        requirements=bench.node,
        disposition=judging.disposition_of(findings),
        findings=findings,
        reasons=judging.reasons_of(findings),
        host_name=_label(platform.node()),
        node_public_key=bench.key.public_hex,
        node_key_fingerprint=bench.key.fingerprint,
        machine=host,
        accelerator=measured.accelerator,
        device=measured.device,
        software=measured.software,
        memory=measured.memory,
        execution=measured.execution,
        probe=measured.probe,
        gate=measured.gate,
        throughput=measured.throughput,
        head_sha256=None if measured.head is None else measured.head.sha256,
        started_wall_ms=started,
        finished_wall_ms=bench.clock.wall_ms(),
        claim_boundary=CLAIM_BOUNDARY,
    )


def load_backend(bench: Bench) -> tuple["Backend | None", str]:
    """And what was wrong with it. It comes before the head, which is read into its memory."""
    from runners.training import backends

    recipe = bench.request.contract.recipe
    try:
        return backends.load(bench.backend, threads=recipe.threads, chunk_tokens=recipe.chunk_tokens), ""
    except Exception as error:  # a native library fails in its own ways; each of them blocks training here
        return None, bench.trouble(error)


def inspect_checkpoint(bench: Bench, measured: Measured, backend: "Backend | None") -> None:
    """The head of this host's own checkpoint: the coordinator compares it with the plan's."""
    from runners.training.head import load_head

    trouble, folder = "", Path(bench.settings.model_dir)
    try:
        measured.head = load_head(folder) if backend is None else load_head(folder, backend.head_memory)
    except Exception as error:  # whatever it is, this host has no usable head
        trouble = f"{type(error).__name__}: {detail_of(error, bench.settings)}"
    sha256 = None if measured.head is None else measured.head.sha256
    measured.findings.append(judging.judge_checkpoint(sha256, trouble))


def inspect_backend(bench: Bench, measured: Measured, backend: "Backend | None", trouble: str) -> None:
    """Look at the device that really computes, and train on it if the lane allows it."""
    from runners.training import backends
    from runners.training.software import execution

    measured.findings.append(judging.judge_backend_name(bench.node.backend, bench.backend))
    recipe = bench.request.contract.recipe
    try:
        if backend is not None:
            inspect_device(bench, measured, backend)
        if measured.memory is not None and measured.memory.chunk_tokens < recipe.chunk_tokens:
            backend = backends.load(bench.backend, threads=recipe.threads, chunk_tokens=measured.memory.chunk_tokens)
            measured.execution = execution(backend)
    except Exception as error:
        trouble = bench.trouble(error)
    measured.findings.append(judging.judge_loading(trouble))
    if measured.memory is not None:
        measured.findings += judging.judge_training_memory(measured.memory)
    if backend is None or not measured.admitted:
        return
    try:
        train(bench, measured, backend)
    except Exception as error:
        trouble = bench.trouble(error)
    measured.findings.append(judging.judge_training(trouble))


def inspect_device(bench: Bench, measured: Measured, backend: "Backend") -> None:
    from runners.process.memory_plan import plan_memory
    from runners.process.probes.accelerator import accelerator
    from runners.training.software import execution, software

    device = backend.device()
    facts = accelerator(device)
    measured.device, measured.accelerator, measured.software = device, facts, software(backend)
    measured.execution = execution(backend)
    measured.findings += judging.judge_device(bench.node, device, facts)
    if measured.head is not None:
        measured.memory = plan_memory(bench.request.contract, measured.head, backend)


def train(bench: Bench, measured: Measured, backend: "Backend") -> None:
    """Probe, gate and throughput, each judged as soon as it is there: a later failure keeps what came before it."""
    from runners.process.probes.accelerator import free_bytes
    from runners.process.probes.product import probe_product
    from runners.training.throughput import measure_throughput

    assert measured.device is not None
    assert measured.accelerator is not None
    assert measured.head is not None
    contract = bench.request.contract
    measured.probe = probe_product(backend.name, measured.device)
    measured.findings.extend(judging.judge_probe(bench.node, measured.probe))
    measured.gate = run_signed_gate(bench, measured.device, backend)
    measured.findings.append(judging.judge_gate(measured.gate))
    free = free_bytes(measured.device)
    lowest = [free()]
    measured.throughput = measure_throughput(
        backend, measured.head, contract.recipe, contract.adapter, lambda: lowest.append(min(lowest[-1], free()))
    )
    measured.accelerator = measured.accelerator.model_copy(update={"memory_free_during_bytes": lowest[-1]})
    measured.findings.append(judging.judge_throughput(bench.node, measured.throughput))


def run_signed_gate(bench: Bench, device: Device, backend: "Backend") -> GateResult:
    """The gate's job, told as a contributor's receipt under the node's own key."""
    from runners.training import gate
    from runners.training.software import software

    request, started = bench.request, bench.clock.wall_ms()
    run = gate.run_gate(backend, request.gate_steps)
    receipt = GateReceipt.seal(
        run_id=request.run_id,
        node_id=request.node_id,
        contract_digest=request.contract.digest,
        device=device,
        software=software(backend),
        family=request.contract.adapter.family,
        format=request.contract.adapter.format,
        precision=request.contract.adapter.precision,
        seed=gate.SEED,
        head_sha256=run.head_sha256,
        initial_adapter_sha256=run.initial_adapter_sha256,
        adapter_sha256=run.adapter_sha256,
        steps=len(run.step_losses),
        samples_presented=run.samples,
        tokens_presented=run.tokens,
        step_losses=run.step_losses,
        initial_loss=run.initial_loss,
        final_loss=run.final_loss,
        started_wall_ms=started,
        finished_wall_ms=bench.clock.wall_ms(),
        train_seconds=run.seconds,
    )
    signature = bench.key.sign(GATE_PREFIX + bytes.fromhex(receipt.digest))
    return GateResult(
        receipt=receipt, signature=signature, refused_precision=gate.REFUSED_PRECISION, refusal=run.refusal
    )


def _node(request: BringupRequest) -> NodeContract:
    if not MIN_GATE_STEPS <= request.gate_steps <= MAX_GATE_STEPS:
        raise Refused(
            "gate_steps_out_of_range",
            f"expected {MIN_GATE_STEPS} to {MAX_GATE_STEPS} gate steps, got {request.gate_steps}",
        )
    try:
        return request.contract.node(request.node_id)
    except KeyError as error:
        raise Refused("unknown_node", str(error.args[0])) from error


def _label(name: str) -> str:
    """A host name as a label: what doesn't fit becomes a dash."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip("._-")[:160] or "unnamed"
