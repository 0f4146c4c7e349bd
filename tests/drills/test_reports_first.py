"""A drill's reports are checked while its run goes on, and the bundle's check judges them all the same."""

import shutil
from pathlib import Path

from console.coordination.paths import RunPaths
from console.drills.reports_first import ReportsFirst
from console.evidence.checks.bringup.gate_problem import gate_losses
from console.observation.source import RunSource
from console.places import data_dir
from runners.contract.lane import RunContract
from tests.patience import until

BUNDLE = data_dir("fixtures") / "swarm" / "runs" / "first-loopback-live-1"


def test_a_report_that_comes_leaves_the_gate_trained_again(tmp_path: Path) -> None:
    contract = RunContract.read((BUNDLE / "contract" / "run_contract.json").read_bytes())
    paths = RunPaths.of(tmp_path, "a-drill", contract, 0)
    shutil.copytree(BUNDLE / "reports", paths.reports)
    gate_losses.cache_clear()
    reports = ReportsFirst(paths, contract)
    for line in RunSource(BUNDLE).read_all().lines:
        reports.hear(line)
    until("the gate to be trained", lambda: gate_losses.cache_info().currsize)
