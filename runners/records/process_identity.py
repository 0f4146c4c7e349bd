"""Which process: a pid alone is used again, a pid and its start time are not."""

import contextlib
import os
import signal
import time
from dataclasses import dataclass

import psutil

# The kernel counts ticks since boot; the wall time of boot moves when the clock is set. A pid can't come round
# and be reused within this.
START_TOLERANCE_MS = 2000
POLL_S = 0.02


def started_ms(pid: int) -> int | None:
    """Wall time in ms at which the living process `pid` was started, or None when there is none. A zombie is none."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return int(process.create_time() * 1000)
    return None


@dataclass(frozen=True)
class ProcessIdentity:
    pid: int
    started_ms: int  # wall time, ms

    @classmethod
    def own(cls) -> "ProcessIdentity":
        return cls(os.getpid(), int(psutil.Process().create_time() * 1000))

    @property
    def lives(self) -> bool:
        """That very process still runs: neither gone nor a zombie, nor is the pid another's by now."""
        now = started_ms(self.pid)
        return now is not None and abs(now - self.started_ms) <= START_TOLERANCE_MS

    def send(self, number: signal.Signals) -> bool:
        """To that very process and no other; False when it is gone already."""
        if not self.lives:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
            return True
        return False

    def end(self, *, patience_s: float) -> str:
        """SIGTERM, then SIGKILL past `patience_s`. Says what it took."""
        if not self.send(signal.SIGTERM):
            return "was gone already"
        if self._gone_within(patience_s):
            return "ended on SIGTERM"
        self.send(signal.SIGKILL)
        return "ended on SIGKILL" if self._gone_within(patience_s) else "outlived SIGKILL"

    def _gone_within(self, patience_s: float) -> bool:
        """Polls, because a runner is nobody's child here; a zombie counts as gone."""
        deadline = time.monotonic() + patience_s
        while self.lives:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        return True
