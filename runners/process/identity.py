"""Which process: a pid alone may be reused, a pid and its start time may not."""

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


@dataclass(frozen=True)
class ProcessIdentity:
    pid: int
    started_ms: int  # wall time, ms

    @classmethod
    def own(cls) -> "ProcessIdentity":
        return cls(os.getpid(), int(psutil.Process().create_time() * 1000))

    def find(self) -> psutil.Process | None:
        """The living process, or None when it is gone, a zombie, or the pid is another's by now."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            same = abs(process.create_time() * 1000 - self.started_ms) <= START_TOLERANCE_MS
            if same and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None

    def end(self, *, patience_s: float) -> str:
        """SIGTERM, then SIGKILL past `patience_s`. Says what it took."""
        process = self.find()
        if process is None:
            return "was gone already"
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGTERM)
            if _gone_within(self, patience_s):
                return "ended on SIGTERM"
            process.kill()
        return "ended on SIGKILL" if _gone_within(self, patience_s) else "outlived SIGKILL"


def _gone_within(identity: ProcessIdentity, patience_s: float) -> bool:
    """Polls, because a runner is nobody's child here; a zombie counts as gone."""
    deadline = time.monotonic() + patience_s
    while identity.find() is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
