"""What this repository keeps as evidence must verify from its files, on any machine."""

from pathlib import Path

import pytest

from console.evidence.checks.real_run import check_real_run
from console.places import data_dir

RUNS = sorted(path for path in (data_dir("fixtures") / "swarm" / "runs").iterdir() if path.is_dir())


def test_a_successful_and_a_refused_run_are_retained() -> None:
    assert {"first-loopback-live-1", "first-swarm-live-refused-1"} <= {path.name for path in RUNS}


@pytest.mark.parametrize("run", RUNS, ids=lambda path: path.name)
def test_a_retained_run_verifies(run: Path) -> None:
    verdict = check_real_run(run)

    assert verdict.findings == ()
    assert verdict.consistent
