"""The dangerous setting: from the host's owner only, on the loopback lane only, and then it really lies."""

import argparse
from dataclasses import replace
from pathlib import Path

import pytest

from runners.contract.canonical import sha256_hex
from runners.contract.plan import ADAPTER_CONFIG_FILE, ADAPTER_FILE, RECEIPT_FILE, UploadManifest
from runners.contract.receipts import ContributorReceipt
from runners.process.drill_fault import DrillFault, require_loopback, spoil
from runners.process.errors import Refused, SettingsError
from runners.process.settings import HostSettings, add_options, read_settings
from runners.records.verb_process import VerbEnvironment
from runners.training.backends import load
from runners.training.contribution import finish_contribution, observe_upload, prepare_contribution
from tests.process.inputs import contract, shipment
from tests.process.node import Node
from tests.training.assignments import BASE, assignment_over, lay_ground


def settings_of(**environ: str) -> HostSettings:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return read_settings(parser.parse_args([]), environ)


def test_on_a_lane_that_is_not_loopback_nothing_is_launched(node: Node) -> None:
    sent = shipment(node.lane)
    node.admit()
    node.ship(sent)
    lying = replace(node.settings, dangerous_drill_fault="another_shape")
    code, line = node.ask_here("launch", node.launch_request(sent), settings=lying)
    assert (code, line["refused"]) == (1, "drill_fault_refused")
    assert "process_tests" in line["detail"]
    assert node.root.launched(0) is None


def test_the_loopback_lane_may_have_a_fault_and_a_lane_without_one_needs_none() -> None:
    lane = contract().model_copy(update={"lane_id": "loopback"})
    require_loopback("another_shape", lane)
    other = contract().model_copy(update={"lane_id": "first_swarm_trusted_lan"})
    require_loopback(None, other)
    with pytest.raises(Refused, match="unset it"):
        require_loopback("another_identity", other)


def test_a_fault_that_nobody_knows_is_a_wrong_setting() -> None:
    assert settings_of(SWARM_DANGEROUS_DRILL_FAULT="another_identity").dangerous_drill_fault == "another_identity"
    assert settings_of().dangerous_drill_fault is None
    with pytest.raises(SettingsError, match="SWARM_DANGEROUS_DRILL_FAULT"):
        settings_of(SWARM_DANGEROUS_DRILL_FAULT="explode")


def test_a_fault_in_the_coordinators_environment_reaches_no_host(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SWARM_DANGEROUS_DRILL_FAULT", "another_shape")
    plain = VerbEnvironment(home=tmp_path, run_root=tmp_path, model_dir=tmp_path, backend="torch")
    assert "SWARM_DANGEROUS_DRILL_FAULT" not in plain.to_env()


@pytest.mark.parametrize("fault", ["another_shape", "another_identity"])
def test_what_is_published_is_not_what_the_plan_expects_though_it_fits_itself(
    fault: DrillFault, tmp_path: Path
) -> None:
    ground = lay_ground(tmp_path)
    assignment = assignment_over(ground, 0)
    prepared = prepare_contribution(
        assignment,
        load("reference", threads=1, chunk_tokens=64),
        model_dir=BASE,
        slice_path=ground.slice_path(0),
        initial_path=ground.initial_path,
        on_stage=lambda *_: None,
    )
    draft = tmp_path / "draft"
    draft.mkdir()
    honest = finish_contribution(prepared, draft, tmp_path, lambda _: None)
    receipt = spoil(fault, draft, honest, assignment)
    manifest, files = observe_upload(draft, prepared)
    assert manifest.digest != assignment.expected_upload.digest
    assert (
        _changed(assignment.expected_upload, manifest)
        == {
            "another_shape": {"tensors", "identity"},
            "another_identity": {"identity"},
        }[fault]
    )
    kept = {file.name: file for file in files}
    assert (receipt.adapter, receipt.adapter_config) == (kept[ADAPTER_FILE], kept[ADAPTER_CONFIG_FILE])
    assert ContributorReceipt.read((draft / RECEIPT_FILE).read_bytes()) == receipt
    assert kept[RECEIPT_FILE].sha256 == sha256_hex(receipt.to_bytes())


def _changed(expected: UploadManifest, got: UploadManifest) -> set[str]:
    return {name for name in ("files", "tensors", "identity") if getattr(expected, name) != getattr(got, name)}
