"""`bringup`: the per-host gate. What this machine is, whether the lane may use it, and a short real training job."""

import platform
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil

from runners.contract.lane import NodeContract, RunContract
from runners.contract.receipts import BringupReport, Device, GateResult, Software
from runners.contract.requests import BringupRequest, BringupResponse
from runners.process.admission import require_contract
from runners.process.errors import Refused
from runners.process.refusals import detail_of
from runners.process.run_root import RunRoot
from runners.process.settings import HostSettings
from runners.process.wire import Wire
from runners.records.clock import Clock
from runners.records.keys import SigningKey

REPORT_PREFIX = b"swarm.bringup_report.v1\0"
MIN_GATE_STEPS, MAX_GATE_STEPS = 2, 1000  # a loss can't be seen falling in one step
CLAIM_BOUNDARY = (
    "Measured by this host about itself, once, for this run. The gate trains a made-up problem on the device named "
    "here; it proves that this backend computes and learns on it, nothing about the assignment or about other hosts."
)

Disposition = Literal["ready_to_attempt", "refused_machine_contract", "refused_training_backend_blocker"]


@dataclass
class Findings:
    """What was measured so far, and what speaks against the host."""

    device: Device | None = None
    software: Software | None = None
    gate: GateResult | None = None
    head_sha256: str | None = None
    machine: list[str] = field(default_factory=list)
    blockers: list[str] = field(default_factory=list)

    @property
    def disposition(self) -> Disposition:
        if self.machine:
            return "refused_machine_contract"
        return "refused_training_backend_blocker" if self.blockers else "ready_to_attempt"


def bringup(settings: HostSettings, wire: Wire) -> BringupResponse:
    """Raises Refused where no report can be made; a host that fails the gate gets a report that says so."""
    request = wire.read(BringupRequest)
    require_contract(settings.contract_digest, request.contract.digest)
    node = _node(request)
    root = RunRoot(settings.make_run_root())
    require_free_of_others(root, request)
    key = SigningKey.load_or_create(settings.key_path(request.node_id))
    report = measure(settings, request, node, key.public_hex)
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


def measure(settings: HostSettings, request: BringupRequest, node: NodeContract, public_key: str) -> BringupReport:
    findings = Findings()
    inspect_checkpoint(settings, findings)
    probe_backend(settings, request, node, findings)
    memory = psutil.virtual_memory()
    return BringupReport.seal(
        run_id=request.run_id,
        node_id=request.node_id,
        contract_digest=request.contract.digest,
        disposition=findings.disposition,
        reasons=(*findings.machine, *findings.blockers),
        host_name=_label(platform.node()),
        node_public_key=public_key,
        cpu_count=psutil.cpu_count() or 1,
        memory_total_bytes=int(memory.total),
        memory_available_bytes=int(memory.available),
        disk_free_bytes=shutil.disk_usage(settings.run_root).free,
        clock_wall_ms=Clock().wall_ms(),
        device=findings.device,
        software=findings.software,
        gate=findings.gate,
        head_sha256=findings.head_sha256,
        claim_boundary=CLAIM_BOUNDARY,
    )


def inspect_checkpoint(settings: HostSettings, findings: Findings) -> None:
    """The head of this host's own checkpoint: the coordinator compares it with the plan's."""
    from runners.training.head import load_head

    try:
        findings.head_sha256 = load_head(Path(settings.model_dir)).sha256
    except Exception as error:  # whatever it is, this host has no usable head
        findings.machine.append(f"checkpoint: {type(error).__name__}: {detail_of(error, settings)}")


def probe_backend(settings: HostSettings, request: BringupRequest, node: NodeContract, findings: Findings) -> None:
    """Load the backend, look at the device that really computes, and train on it if the lane allows it."""
    from runners.training import backends
    from runners.training.gate import run_gate
    from runners.training.software import software

    name = settings.backend or node.backend
    if name != node.backend:
        findings.machine.append(f"backend: expected {node.backend} as in the lane, got {name} in this host's settings")
    try:
        recipe = request.contract.recipe
        backend = backends.load(name, threads=recipe.threads, chunk_tokens=recipe.chunk_tokens)
        findings.device = backend.device()
        findings.software = software(backend)
        if allowed(findings.device, node, findings):
            findings.gate = run_gate(backend, request.gate_steps)
    except Exception as error:  # a native library fails in its own ways; each of them blocks training here
        findings.blockers.append(f"backend {name}: {type(error).__name__}: {detail_of(error, settings)}")


def allowed(device: Device, node: NodeContract, findings: Findings) -> bool:
    if device.kind in node.required_devices:
        return True
    findings.machine.append(
        f"device: expected one of {list(node.required_devices)}, "
        f"got {device.kind} ({device.device_label}, {device.name})"
    )
    return False


def _node(request: BringupRequest) -> NodeContract:
    contract: RunContract = request.contract
    if not MIN_GATE_STEPS <= request.gate_steps <= MAX_GATE_STEPS:
        raise Refused(
            "gate_steps_out_of_range",
            f"expected {MIN_GATE_STEPS} to {MAX_GATE_STEPS} gate steps, got {request.gate_steps}",
        )
    try:
        return contract.node(request.node_id)
    except KeyError as error:
        raise Refused("unknown_node", str(error.args[0])) from error


def _label(name: str) -> str:
    """A host name as a label: what doesn't fit becomes a dash."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip("._-")[:160] or "unnamed"
