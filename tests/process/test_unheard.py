"""A job ends once nobody is left to hear it, though it says nothing at that moment."""

import subprocess
import sys
from pathlib import Path

from runners.contract.canonical import canonical_bytes
from runners.contract.jobs import Progress
from runners.process.unheard import EXIT_UNHEARD
from tests.patience import PATIENCE_S
from tests.training.assignments import replay_job


def test_a_job_that_waits_for_more_ends_with_whoever_asked_for_it(tmp_path: Path) -> None:
    """Its input stays open, as when another process holds a copy: only the reader of its answers is gone."""
    command = [sys.executable, "-m", "runners", "replay"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as job:
        assert job.stdin is not None and job.stdout is not None
        job.stdin.write(canonical_bytes(replay_job(tmp_path).to_json()) + b"\n")
        job.stdin.flush()
        assert set(Progress.model_validate_json(job.stdout.readline()).to_json()) == set(Progress.model_fields)
        job.stdout.close()
        assert job.wait(PATIENCE_S) == EXIT_UNHEARD


def test_a_job_that_writes_into_a_file_is_heard(tmp_path: Path) -> None:
    asked = canonical_bytes(replay_job(tmp_path).to_json()) + b"\n"
    with (tmp_path / "answers").open("wb") as answers:
        done = subprocess.run(
            [sys.executable, "-m", "runners", "replay"], input=asked, stdout=answers, check=False, timeout=PATIENCE_S
        )
    assert done.returncode == 0
    assert b'"runners_sha256"' in (tmp_path / "answers").read_bytes().splitlines()[-1]
