"""A run that failed keeps a bundle that is true about it; what its journal speaks of must be there."""

import json
from pathlib import Path

import pytest

from console.evidence.checks.real_run import check_real_run
from console.evidence.models import BUNDLE_FILE
from tests.checks.forged_ends import ENDS, rejected_on_arrival, stopped_while_admitted
from tests.checks.forged_hosts import LINUX
from tests.checks.resealing import reseal_bundle


@pytest.mark.parametrize("classification", sorted(ENDS))
def test_the_partial_bundle_of_a_run_that_ended_early_is_consistent(classification: str, tmp_path: Path) -> None:
    bundle = ENDS[classification](tmp_path)
    verdict = check_real_run(bundle)

    assert verdict.findings == ()
    assert json.loads((bundle / BUNDLE_FILE).read_bytes())["result_classification"] == classification


def test_a_stop_that_the_operator_never_signed_is_found(tmp_path: Path) -> None:
    bundle = stopped_while_admitted(tmp_path)
    (command,) = (bundle / "operator_commands").iterdir()
    command.unlink()
    reseal_bundle(bundle)

    assert check_real_run(bundle).findings[0].rule == "operator_signed_the_commands"


def test_quarantined_bytes_that_were_swapped_are_found(tmp_path: Path) -> None:
    bundle = rejected_on_arrival(tmp_path)
    (bundle / f"quarantine/{LINUX}/adapter_model.safetensors").write_bytes(b"something harmless")
    reseal_bundle(bundle)

    assert [finding.rule for finding in check_real_run(bundle).findings] == ["quarantine_is_as_recorded"]


def test_quarantined_bytes_that_were_dropped_are_found(tmp_path: Path) -> None:
    bundle = rejected_on_arrival(tmp_path)
    (bundle / f"quarantine/{LINUX}/adapter_model.safetensors").unlink()
    reseal_bundle(bundle)

    assert [finding.rule for finding in check_real_run(bundle).findings] == ["journaled_things_exist"]
