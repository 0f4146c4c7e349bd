"""A job ends once nobody is left to hear it, though it says nothing at that moment."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from runners.contract.canonical import canonical_bytes
from runners.contract.jobs import Progress
from runners.process.unheard import EXIT_UNHEARD, is_gone_at_last
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


class Kqueue:
    """A stand-in for `select` on a Mac, of which none was at hand: what kqueue(2) says there of one descriptor."""

    KQ_FILTER_READ, KQ_EV_ADD, KQ_EV_CLEAR, KQ_EV_EOF = -1, 0x1, 0x20, 0x8000  # of its <sys/event.h>

    def __init__(self, *flags: int, error: int | None = None) -> None:
        self._flags, self._error = iter(flags), error
        self.asked: list[tuple[int, int, int]] = []

    def kqueue(self) -> "Kqueue":
        return self

    @staticmethod
    def kevent(fd: int, filter_: int, flags: int) -> tuple[int, int, int]:
        return fd, filter_, flags

    def control(self, changes: list[tuple[int, int, int]] | None, most: int, longest_s: None) -> list[SimpleNamespace]:
        if self._error is not None:
            raise OSError(self._error, os.strerror(self._error))
        self.asked += changes or []
        return [SimpleNamespace(flags=next(self._flags))]


def test_on_a_mac_the_end_of_a_pipe_is_heard_by_kqueue() -> None:
    """Its poll(2) tells no hang-up unless asked, and then may lose it: rdar 37537852, and others."""
    mac = Kqueue(0, Kqueue.KQ_EV_CLEAR, Kqueue.KQ_EV_CLEAR | Kqueue.KQ_EV_EOF)
    assert is_gone_at_last(7, mac)
    assert mac.asked == [(7, Kqueue.KQ_FILTER_READ, Kqueue.KQ_EV_ADD | Kqueue.KQ_EV_CLEAR)]


def test_on_a_mac_what_has_no_events_is_never_gone() -> None:
    assert not is_gone_at_last(7, Kqueue(error=errno.EINVAL))
