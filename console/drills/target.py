"""The one process that a drill may touch: named by pid and start time, so that no other is ever hit."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass

from runners.records.process_identity import is_alive


@dataclass(frozen=True)
class Target:
    pid: int
    started_ms: int

    @property
    def lives(self) -> bool:
        return is_alive(self.pid, self.started_ms)

    def send(self, number: signal.Signals) -> bool:
        """False when that process is gone already."""
        if not self.lives:
            return False
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)
            return True
        return False
