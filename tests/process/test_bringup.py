"""The per-host gate: what is measured, and what is refused with which word."""

from dataclasses import replace
from typing import Any

import pytest

from runners.contract.receipts import BringupReport
from runners.contract.requests import BringupRequest
from runners.process.bringup import REPORT_PREFIX
from runners.records.keys import verify
from runners.training import backends
from runners.training.errors import GateFailed
from runners.training.head import load_head
from tests.process.inputs import BASE, NODE, RUN, contract
from tests.process.node import Node


def request(node: Node, **changes: Any) -> BringupRequest:
    asked = BringupRequest(run_id=RUN, node_id=NODE, contract=node.lane, gate_steps=3)
    return asked.model_copy(update=changes)


def report_of(line: dict[str, Any]) -> BringupReport:
    report = BringupReport.from_json(line["report"])
    verify(report.node_public_key, line["signature"], REPORT_PREFIX + bytes.fromhex(report.digest))
    return report


@pytest.mark.torch
def test_a_fit_host_gives_a_signed_report_of_a_gate_that_really_trained(node: Node) -> None:
    code, lines = node.on("torch").ask("bringup", request(node))
    assert code == 0, lines
    report = report_of(lines[-1])
    assert (report.disposition, report.reasons) == ("ready_to_attempt", ())
    assert report.gate is not None
    assert report.gate.steps == 3
    assert report.gate.last_loss < report.gate.first_loss
    assert report.device is not None
    assert report.device.backend_label == f"open_adapter_backend.torch.{report.device.kind}.gpt_oss_lm_head"
    assert report.head_sha256 == load_head(BASE).sha256
    assert report.contract_digest == node.lane.digest
    assert report.memory_total_bytes >= report.memory_available_bytes > 0
    assert report.disk_free_bytes > 0
    assert node.settings.key_path(NODE).stat().st_mode & 0o777 == 0o600
    assert node.key.public_hex == report.node_public_key
    assert node.root.last_bringup() == report


@pytest.mark.torch
def test_a_device_that_the_lane_does_not_allow_is_refused_before_the_gate(node: Node) -> None:
    node.lane = contract(devices=("metal",))
    code, line = node.on("torch").ask_here("bringup", request(node))
    report = report_of(line)
    assert (code, report.disposition, report.gate) == (0, "refused_machine_contract", None)
    assert report.device is not None
    assert "expected one of ['metal'], got" in report.reasons[0]


def test_another_backend_than_the_lanes_is_refused(node: Node) -> None:
    report = report_of(node.ask_here("bringup", request(node))[1])
    assert report.disposition == "refused_machine_contract"
    assert report.reasons == ("backend: expected torch as in the lane, got reference in this host's settings",)


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
    assert report.reasons == ("backend torch: GateFailed: gate: expected a loss below 1, got 2",)


real = backends._load


def _no_learning(_backend: object, _steps: int) -> None:
    raise GateFailed("gate: expected a loss below 1, got 2")


def test_a_library_that_is_missing_is_a_backend_blocker(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise ImportError("No module named 'torch'")

    monkeypatch.setattr(backends, "_load", missing)
    report = report_of(node.on("torch").ask_here("bringup", request(node))[1])
    assert report.disposition == "refused_training_backend_blocker"
    assert "BackendUnavailable" in report.reasons[0]
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
