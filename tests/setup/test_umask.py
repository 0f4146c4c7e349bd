"""Whatever the operator's shell allows, nobody else writes where a run's records lie."""

import os
import stat
import subprocess
import sys
from pathlib import Path


def test_nothing_that_a_command_leaves_can_be_written_by_others(tmp_path: Path) -> None:
    """With a careless shell's umask a whole run left 52 such folders and files, the folder of the keys among them."""
    bundle = tmp_path / "operator"
    command = ["launch", "--manifest-only", "--run-id", "try-1", "--bundle-dir", str(bundle)]
    subprocess.run(
        [sys.executable, "-m", "console.cli.main", *command],
        check=True, umask=0, cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL,
        env={**os.environ, "SWARM_HOME": str(tmp_path / "home"), "SWARM_RUNS": str(tmp_path / "runs")},
    )  # fmt: skip

    left = [bundle, *bundle.rglob("*")]
    assert len(left) > 5
    assert [path for path in left if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)] == []
