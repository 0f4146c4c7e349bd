"""What a lane asks of a machine, against what was measured: a finding for every rule that could be measured."""

from typing import Literal

from runners.contract.bringup import (
    Accelerator,
    BringupFinding,
    Disposition,
    GateResult,
    Machine,
    MemoryPlan,
    ProductProbe,
    Throughput,
)
from runners.contract.lane import NodeContract
from runners.contract.names import Text
from runners.contract.receipts import Device

LONGEST = 2000


def judge_machine(node: NodeContract, machine: Machine) -> list[BringupFinding]:
    """What can be told without any accelerator library."""
    limits = node.thresholds
    return [
        _one_of("os", limits.os, machine.os),
        _one_of("arch", limits.arch, machine.arch),
        _bytes("memory", limits.minimum_memory_bytes, machine.memory_total_bytes),
        _bytes("disk_free", limits.minimum_disk_free_bytes, machine.disk_free_bytes),
    ]


def judge_device(node: NodeContract, device: Device, accelerator: Accelerator) -> list[BringupFinding]:
    """The device that the backend really computes on."""
    limits = node.thresholds
    wanted = limits.device_name_contains
    found = [
        _one_of("device_kind", node.required_devices, device.kind),
        _bytes("device_memory", limits.minimum_device_memory_bytes, accelerator.memory_total_bytes),
        _bytes("device_memory_free", limits.minimum_free_device_memory_bytes, accelerator.memory_free_before_bytes),
    ]
    if wanted is not None:
        found.insert(1, _finding("device_name", wanted in device.name, device.name, f"a name with {wanted!r}"))
    return found


def judge_backend_name(expected: str, got: str) -> BringupFinding:
    return _finding("backend", expected == got, got, expected)


def judge_checkpoint(head_sha256: str | None, trouble: str) -> BringupFinding:
    """Whether the head is the plan's is the coordinator's question; here there only has to be one."""
    return _finding("checkpoint", head_sha256 is not None, trouble or "a readable head", "a readable head")


def judge_probe(node: NodeContract, probe: ProductProbe) -> list[BringupFinding]:
    limit = node.thresholds.maximum_product_error
    errors = {"product_error": probe.relative_error}
    if probe.bf16 is not None:
        errors["product_error_bf16"] = probe.bf16.relative_error
    return [
        _finding(rule, error <= limit, _number(error), f"at most {_number(limit)}", "training")
        for rule, error in errors.items()
    ]


def judge_gate(gate: GateResult) -> BringupFinding:
    before, after = gate.receipt.initial_loss, gate.receipt.final_loss
    return _finding(
        "gate_loss", after < before, f"{_number(before)} to {_number(after)}", "a loss that falls", "training"
    )


def judge_throughput(node: NodeContract, throughput: Throughput) -> BringupFinding:
    limit, median = node.thresholds.minimum_tokens_per_second, throughput.median_tokens_per_second
    return _finding("throughput", median >= limit, f"{_number(median)} tokens/s", f"at least {_number(limit)} tokens/s")


def judge_loading(trouble: str) -> BringupFinding:
    """An empty `trouble` is a backend that loaded and named its device."""
    limit = "a backend that loads"
    return _finding("backend_loads", not trouble, trouble or limit, limit, "training")


def judge_training_memory(memory: MemoryPlan) -> list[BringupFinding]:
    """Before anything is placed: what the chosen chunk needs, against what is free."""
    return [
        _finding(
            f"training_memory_{need.where}",
            need.needed_bytes <= need.free_bytes,
            f"{need.needed_bytes} bytes with chunks of {memory.chunk_tokens} tokens",
            f"at most {need.free_bytes} bytes",
            "training",
        )
        for need in memory.needs
    ]


def judge_training(trouble: str) -> BringupFinding:
    """Only where training was tried. An empty `trouble` is one that learned, and refused what it must."""
    limit = "probe, gate and throughput done"
    return _finding("training", not trouble, trouble or limit, limit, "training")


def disposition_of(findings: tuple[BringupFinding, ...]) -> Disposition:
    """A machine that the lane doesn't admit is named first: no other backend on it would help."""
    failed = {finding.scope for finding in findings if not finding.holds}
    if "machine" in failed:
        return "refused_machine_contract"
    return "refused_training_backend_blocker" if failed else "ready_to_attempt"


def reasons_of(findings: tuple[BringupFinding, ...]) -> tuple[Text, ...]:
    return tuple(f"{item.rule}: expected {item.limit}, got {item.value}" for item in findings if not item.holds)


def _one_of(rule: str, admitted: tuple[str, ...], got: str) -> BringupFinding:
    return _finding(rule, got in admitted, got, f"one of {', '.join(admitted)}")


def _bytes(rule: str, minimum: int, got: int) -> BringupFinding:
    return _finding(rule, got >= minimum, f"{got} bytes", f"at least {minimum} bytes")


def _finding(
    rule: str, holds: bool, value: str, limit: str, scope: Literal["machine", "training"] = "machine"
) -> BringupFinding:
    return BringupFinding(rule=rule, scope=scope, holds=holds, value=value[:LONGEST], limit=limit[:LONGEST])


def _number(value: float) -> str:
    return f"{value:.6g}"
