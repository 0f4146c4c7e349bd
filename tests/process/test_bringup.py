"""The per-host gate: what is measured, and what is refused with which word."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from runners.contract.bringup import BringupReport
from runners.contract.jobs import BackendName
from runners.contract.requests import BringupRequest
from runners.process.bringup import GATE_PREFIX, REPORT_PREFIX
from runners.process.probes import product
from runners.records.keys import verify
from runners.training import backends
from runners.training.errors import GateFailed
from runners.training.head import load_head
from tests.process.inputs import BASE, NODE, RUN, THRESHOLDS, contract
from tests.process.node import Node


def request(node: Node, **changes: Any) -> BringupRequest:
    asked = BringupRequest(run_id=RUN, node_id=NODE, contract=node.lane, gate_steps=3)
    return asked.model_copy(update=changes)


def report_of(line: dict[str, Any]) -> BringupReport:
    report = BringupReport.from_json(line["report"])
    verify(report.node_public_key, line["signature"], REPORT_PREFIX + bytes.fromhex(report.digest))
    return report


@pytest.mark.usefixtures("on_the_processor")
@pytest.mark.torch
def test_a_fit_host_gives_a_signed_report_of_a_gate_that_really_trained(node: Node) -> None:
    code, lines = node.on("torch").ask("bringup", request(node))
    assert code == 0, lines
    report = report_of(lines[-1])
    assert (report.disposition, report.reasons) == ("ready_to_attempt", ())
    assert report.gate is not None
    receipt = report.gate.receipt
    assert (receipt.steps, receipt.final_loss < receipt.initial_loss) == (3, True)
    verify(node.key.public_hex, report.gate.signature, GATE_PREFIX + bytes.fromhex(receipt.digest))
    assert (receipt.node_id, receipt.device, receipt.software) == (NODE, report.device, report.software)
    assert report.device is not None
    assert report.device.backend_label == f"open_adapter_backend.torch.{report.device.kind}.gpt_oss_lm_head"
    assert report.head_sha256 == load_head(BASE).sha256
    assert report.contract_digest == node.lane.digest
    assert report.node_key_fingerprint == node.key.fingerprint
    assert report.started_wall_ms <= receipt.started_wall_ms <= receipt.finished_wall_ms <= report.finished_wall_ms
    assert report.throughput is not None
    assert (report.throughput.vocab_size, report.throughput.rank) == (2048, node.lane.adapter.rank)
    assert report.accelerator is not None
    assert report.accelerator.memory_free_during_bytes is not None
    assert node.settings.key_path(NODE).stat().st_mode & 0o777 == 0o600
    assert node.key.public_hex == report.node_public_key
    assert node.root.last_bringup() == report


@pytest.mark.usefixtures("on_the_processor")
@pytest.mark.torch
def test_a_device_that_the_lane_does_not_allow_is_refused_before_the_gate(node: Node) -> None:
    node.lane = contract(devices=("metal",))
    code, line = node.on("torch").ask_here("bringup", request(node))
    report = report_of(line)
    assert (code, report.disposition, report.gate) == (0, "refused_machine_contract", None)
    assert report.device is not None
    assert report.reasons == ("device_kind: expected one of metal, got cpu",)
    assert (report.probe, report.throughput) == (None, None)
    assert report.findings[-1].rule == "training_memory_host"


def test_another_backend_than_the_lanes_is_refused(node: Node) -> None:
    report = report_of(node.ask_here("bringup", request(node))[1])
    assert report.disposition == "refused_machine_contract"
    assert report.reasons == ("backend: expected torch, got reference",)


def test_a_host_without_a_checkpoint_is_refused_without_naming_its_folders(node: Node) -> None:
    nowhere = replace(node.settings, model_dir_setting=node.folder / "nowhere")
    report = report_of(node.ask_here("bringup", request(node), settings=nowhere)[1])
    assert report.disposition == "refused_machine_contract"
    assert report.head_sha256 is None
    assert any(reason.startswith("checkpoint: ") for reason in report.reasons)
    assert str(node.folder) not in " ".join(report.reasons)


def test_a_gate_that_does_not_learn_is_a_backend_blocker(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference backend stands in for a torch that computes wrongly: this machine has none."""
    monkeypatch.setattr(backends, "_load", lambda _name, *sizes: real("reference", *sizes))
    monkeypatch.setattr("runners.training.gate.run_gate", _no_learning)
    report = report_of(node.on("torch").ask_here("bringup", request(node))[1])
    assert report.disposition == "refused_training_backend_blocker"
    assert report.gate is None
    told = "torch: GateFailed: gate: expected a loss below 1, got 2"
    assert report.reasons == (f"training: expected probe, gate and throughput done, got {told}",)


real = backends._load
RULES = (
    "os", "arch", "memory", "disk_free", "checkpoint", "backend", "device_kind", "device_memory",
    "device_memory_free", "backend_loads", "training_memory_host", "product_error", "gate_loss", "throughput",
    "training",
)  # fmt: skip


@pytest.mark.usefixtures("on_the_processor")
@pytest.mark.torch
def test_every_threshold_of_a_ready_host_is_a_finding_with_value_and_limit(node: Node) -> None:
    report = report_of(node.on("torch").ask_here("bringup", request(node))[1])
    assert tuple(finding.rule for finding in report.findings) == RULES
    assert all(finding.holds and finding.value and finding.limit for finding in report.findings)
    assert report.requirements == node.lane.nodes[0]


@pytest.mark.torch
@pytest.mark.parametrize(
    ("limit", "rule", "disposition"),
    [
        ({"os": ("macos",)}, "os", "refused_machine_contract"),
        ({"arch": ("riscv64",)}, "arch", "refused_machine_contract"),
        ({"minimum_memory_bytes": 1 << 50}, "memory", "refused_machine_contract"),
        ({"minimum_disk_free_bytes": 1 << 50}, "disk_free", "refused_machine_contract"),
        ({"device_name_contains": "RTX 4080"}, "device_name", "refused_machine_contract"),
        ({"minimum_device_memory_bytes": 1 << 50}, "device_memory", "refused_machine_contract"),
        ({"minimum_free_device_memory_bytes": 1 << 50}, "device_memory_free", "refused_machine_contract"),
        ({"minimum_tokens_per_second": 1e15}, "throughput", "refused_machine_contract"),
        ({"maximum_product_error": 1e-12}, "product_error", "refused_training_backend_blocker"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_threshold_that_is_not_met_is_the_one_reason(
    node: Node, limit: dict[str, Any], rule: str, disposition: str
) -> None:
    node.lane = contract(thresholds=THRESHOLDS.model_copy(update=limit))
    report = report_of(node.on("torch").ask_here("bringup", request(node))[1])
    assert report.disposition == disposition
    assert [finding.rule for finding in report.findings if not finding.holds] == [rule]
    assert len(report.reasons) == 1
    assert report.reasons[0].startswith(f"{rule}: expected ")
    # What was refused before the backend trained has nothing trained in it; the rest is kept as measured.
    assert (report.gate is None) == (rule not in ("throughput", "product_error"))


@pytest.mark.torch
def test_a_device_that_rounds_to_tf32_is_refused_for_its_error(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """No tensor cores are here: the product of factors with TF32's ten bits of mantissa stands in for them."""

    def rounded(_name: object, _device: object, a: product.F32, b: product.F32) -> product.F32:
        return _ten_bits(a) @ _ten_bits(b)

    monkeypatch.setattr(product, "_multiply", rounded)
    report = report_of(node.on("torch").ask_here("bringup", request(node))[1])
    assert report.probe is not None
    assert 1e-4 < report.probe.relative_error < 1e-3
    assert report.disposition == "refused_training_backend_blocker"
    assert [finding.rule for finding in report.findings if not finding.holds] == ["product_error"]


def _ten_bits(values: product.F32) -> product.F32:
    return ((values.view(np.uint32) + np.uint32(0x1000)) & np.uint32(0xFFFFE000)).view(np.float32)


@pytest.mark.torch
@pytest.mark.parametrize("name", ["torch", "mlx", "reference"])
def test_each_backend_here_multiplies_in_f32(name: BackendName) -> None:
    device = backends.load(name, threads=1, chunk_tokens=64).device()
    found = product.probe_product(name, device)
    assert 0 < found.relative_error < 1e-6
    assert (found.device_label, len(found.sample)) == (device.device_label, product.SAMPLE)


def _no_learning(_backend: object, _steps: int) -> None:
    raise GateFailed("gate: expected a loss below 1, got 2")


def test_a_library_that_is_missing_is_a_backend_blocker(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise ImportError("No module named 'torch'")

    monkeypatch.setattr(backends, "_load", missing)
    report = report_of(node.on("torch").ask_here("bringup", request(node))[1])
    assert report.disposition == "refused_training_backend_blocker"
    assert report.reasons[0].startswith("backend_loads: expected a backend that loads, got torch: BackendUnavailable")
    assert report.findings[-1].rule == "backend_loads"
    assert (report.device, report.software) == (None, None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"node_id": "swarm-mac-z"}, "unknown_node"),
        ({"gate_steps": 0}, "gate_steps_out_of_range"),
        ({"gate_steps": 10**6}, "gate_steps_out_of_range"),
        ({"contract": contract().model_copy(update={"claim_boundary": "changed"})}, "digest_mismatch"),
    ],
    ids=["node", "no_steps", "many_steps", "changed_contract"],
)
def test_a_request_that_makes_no_sense_is_refused(node: Node, change: dict[str, Any], reason: str) -> None:
    code, line = node.ask_here("bringup", request(node, **change))
    assert (code, line["refused"]) == (1, reason)
    assert not node.root.bringup.exists()


def test_a_host_that_serves_another_contract_refuses(node: Node) -> None:
    pinned = replace(node.settings, contract_digest="f" * 64)
    code, line = node.ask_here("bringup", request(node), settings=pinned)
    assert (code, line["refused"]) == (1, "contract_digest_mismatch")


def test_a_run_root_of_another_run_is_not_taken_over(node: Node) -> None:
    node.ask_here("bringup", request(node))
    code, line = node.ask_here("bringup", request(node, run_id="run-2"))
    assert (code, line["refused"]) == (1, "another_run")
    assert node.root.last_bringup() is not None


@pytest.mark.usefixtures("on_the_processor")
@pytest.mark.torch
def test_a_host_without_room_for_the_smallest_chunk_is_refused_with_the_figures(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runners.process.memory_plan.free_memory", lambda *_, **__: {"host": 1 << 20})
    report = report_of(node.on("torch").ask_here("bringup", request(node))[1])
    assert report.disposition == "refused_training_backend_blocker"
    assert [finding.rule for finding in report.findings if not finding.holds] == ["training_memory_host"]
    assert "at most 1048576 bytes" in report.reasons[0] and "bytes with chunks of " in report.reasons[0]
    assert report.memory is not None and report.gate is None


@pytest.mark.usefixtures("on_the_processor")
@pytest.mark.torch
def test_less_room_than_the_recipes_chunk_needs_is_planned_with_a_smaller_one(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runners.training.memory.SPARE_BYTES", {"host": 0})
    most = node.lane.recipe.chunk_tokens
    whole = report_of(node.on("torch").ask_here("bringup", request(node))[1]).memory
    assert whole is not None and whole.chunk_tokens == most
    short = whole.needs[0].needed_bytes - 1
    monkeypatch.setattr("runners.process.memory_plan.free_memory", lambda *_, **__: {"host": short})
    report = report_of(node.on("torch").ask_here("bringup", request(node))[1])
    assert report.disposition == "ready_to_attempt", report.reasons
    assert report.memory is not None and report.execution is not None and report.throughput is not None
    assert report.memory.chunk_tokens == report.execution.chunk_tokens == report.throughput.chunk_tokens == most // 2
