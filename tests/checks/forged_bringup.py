"""Bring-up reports as an honest host would make them: the gate really trains, the product is really multiplied."""

from functools import cache
from typing import Any, Literal

import numpy as np

from runners.contract.bringup import (
    Accelerator,
    Bf16Product,
    BringupReport,
    GateReceipt,
    GateResult,
    Machine,
    MemoryNeed,
    MemoryPlan,
    ProductProbe,
    Throughput,
)
from runners.contract.execution import ExecutionSettings, NamedSize
from runners.contract.lane import NodeContract, RunContract
from runners.contract.receipts import Device, Software
from runners.process import judging
from runners.process.bringup import GATE_PREFIX
from runners.process.probes import product
from runners.records.keys import SigningKey
from runners.training.backends import load
from runners.training.gate import REFUSED_PRECISION, GateRun, run_gate
from runners.training.gate import SEED as GATE_SEED
from runners.training.head import as_f32, f32_to_bf16
from tests.checks.forged_hosts import execution_of

SOURCES = {"cpu": ("psutil",), "cuda": ("nvml", "torch.cuda"), "metal": ("mlx.device_info", "system_profiler")}
STARTED = 1_790_000_000_000
MACHINE = Machine(
    os="linux", os_version="Forge 1", os_build=None, kernel="6.1", arch="x86_64", hardware_model=None,
    chip="forged CPU", cpu_count=2, memory_total_bytes=8 << 30, memory_available_bytes=6 << 30,
    memory_pressure=None, disk_free_bytes=9 << 30,
)  # fmt: skip
BANDS = (980.0, 1000.0, 1010.0, 1020.0, 1040.0)


@cache
def trained_gate(steps: int = 4) -> GateRun:
    """By the reference backend, whose losses are those of every backend within f32."""
    return run_gate(load("reference", threads=1, chunk_tokens=128), steps)


@cache
def probe(*, on_cuda: bool = False) -> ProductProbe:
    """f32 on this machine's processor; for a card also what its factors give when they are rounded to bf16."""
    a, b = product.factors(product.SEED)
    got = a @ b
    return ProductProbe(
        device_label="cpu:0", seed=product.SEED, rows=product.ROWS, inner=product.INNER, columns=product.COLUMNS,
        relative_error=product.relative_error(a, b, got), seconds=0.002,
        sample=tuple(float(value) for value in np.asarray(got)[0, : product.SAMPLE]),
        bf16=_bf16(a, b) if on_cuda else None,
    )  # fmt: skip


def _bf16(a: product.F32, b: product.F32) -> Bf16Product:
    of_a, of_b = as_f32(f32_to_bf16(a)), as_f32(f32_to_bf16(b))
    got = of_a @ of_b
    return Bf16Product(
        relative_error=product.relative_error(of_a, of_b, got),
        sample=tuple(float(value) for value in got[0, : product.SAMPLE]),
    )


def report_fields(
    contract: RunContract,
    node: NodeContract,
    key: SigningKey,
    device: Device,
    software: Software,
    *,
    run_id: str,
    head_sha256: str,
    execution: ExecutionSettings | None = None,
) -> dict[str, Any]:
    """Everything of a ready report but its seal."""
    accelerator = Accelerator(
        kind=device.kind, name=device.name, visible=1, memory_total_bytes=device.memory_total_bytes,
        memory_free_before_bytes=6 << 30, memory_free_during_bytes=5 << 30, driver=None, compute_capability=None,
        pci_bus_id=None, metal_family=None, gpu_cores=None, throttling=None, sources=SOURCES[device.kind],
    )  # fmt: skip
    gate = _gate(contract, node, key, device, software, run_id)
    settings = execution or execution_of(device, software)
    speed = _throughput(contract, settings.chunk_tokens)
    memory = _memory(contract, device, settings.chunk_tokens)
    tried = probe(on_cuda=device.kind == "cuda").model_copy(update={"device_label": device.device_label})
    findings = (
        *judging.judge_machine(node, MACHINE),
        judging.judge_checkpoint(head_sha256, ""),
        judging.judge_backend_name(node.backend, node.backend),
        *judging.judge_device(node, device, accelerator),
        judging.judge_loading(""),
        *judging.judge_training_memory(memory),
        *judging.judge_probe(node, tried),
        judging.judge_gate(gate),
        judging.judge_throughput(node, speed),
        judging.judge_training(""),
    )
    return {
        "run_id": run_id, "node_id": node.node_id, "lane_id": contract.lane_id, "contract_digest": contract.digest,
        "requirements": node, "disposition": "ready_to_attempt", "findings": findings, "reasons": (),
        "host_name": "forge", "node_public_key": key.public_hex, "node_key_fingerprint": key.fingerprint,
        "machine": MACHINE, "accelerator": accelerator, "device": device, "software": software,
        "memory": memory,
        "execution": settings, "probe": tried,
        "gate": gate, "throughput": speed, "head_sha256": head_sha256, "started_wall_ms": STARTED,
        "finished_wall_ms": STARTED + 4000, "claim_boundary": "One short gate on this host.",
    }  # fmt: skip


def sealed(fields: dict[str, Any]) -> BringupReport:
    return BringupReport.seal(**fields)


def _gate(
    contract: RunContract, node: NodeContract, key: SigningKey, device: Device, software: Software, run_id: str
) -> GateResult:
    run = trained_gate()
    receipt = GateReceipt.seal(
        run_id=run_id, node_id=node.node_id, contract_digest=contract.digest, device=device, software=software,
        family=contract.adapter.family, format=contract.adapter.format, precision=contract.adapter.precision,
        seed=GATE_SEED, head_sha256=run.head_sha256, initial_adapter_sha256=run.initial_adapter_sha256,
        adapter_sha256=run.adapter_sha256, steps=len(run.step_losses), samples_presented=run.samples,
        tokens_presented=run.tokens, step_losses=run.step_losses, initial_loss=run.initial_loss,
        final_loss=run.final_loss, started_wall_ms=STARTED + 1000, finished_wall_ms=STARTED + 1500, train_seconds=0.2,
    )  # fmt: skip
    signature = key.sign(GATE_PREFIX + bytes.fromhex(receipt.digest))
    return GateResult(receipt=receipt, signature=signature, refused_precision=REFUSED_PRECISION, refusal=run.refusal)


def _memory(contract: RunContract, device: Device, chunk: int) -> MemoryPlan:
    """The device's own memory first, where it has its own."""
    parts = (NamedSize(name="head", size=2 * 2048 * 128), NamedSize(name="spare", size=64 << 20))
    places: tuple[Literal["device", "host"], ...] = ("device", "host") if device.kind == "cuda" else ("host",)
    needs = tuple(
        MemoryNeed(where=where, needed_bytes=sum(part.size for part in parts), free_bytes=5 << 30, parts=parts)
        for where in places
    )
    return MemoryPlan(chunk_tokens=chunk, most_chunk_tokens=contract.recipe.chunk_tokens, needs=needs)


def _throughput(contract: RunContract, chunk: int) -> Throughput:
    return Throughput(
        vocab_size=2048, hidden_size=128, rank=contract.adapter.rank, chunk_tokens=chunk,
        threads=contract.recipe.threads, step_tokens=505, steps=2, seconds=1.0, band_tokens_per_second=BANDS,
        median_tokens_per_second=1010.0, lowest_tokens_per_second=980.0, highest_tokens_per_second=1040.0,
    )  # fmt: skip


def refuse_for_disk(body: dict[str, Any]) -> None:
    """What the same host would have said with a full disk: refused before anything was trained."""
    body["machine"]["disk_free_bytes"] = 5
    trained = ("product_error", "gate_loss", "throughput", "training")
    body["findings"] = [finding for finding in body["findings"] if finding["rule"] not in trained]
    disk = next(finding for finding in body["findings"] if finding["rule"] == "disk_free")
    disk.update(holds=False, value="5 bytes")
    body["accelerator"]["memory_free_during_bytes"] = None
    body.update(
        disposition="refused_machine_contract",
        reasons=[f"disk_free: expected {disk['limit']}, got 5 bytes"],
        probe=None, gate=None, throughput=None,
    )  # fmt: skip
