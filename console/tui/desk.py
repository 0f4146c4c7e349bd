"""The operator's acts at this console, and what came of each."""

import asyncio
from collections.abc import Callable

from console.tui.acts import Acts, StartedRun
from console.tui.errors import ActRefused
from console.tui.view import LogEntry


class OperatorDesk:
    """Acts run in a worker thread; every one is noted with its outcome."""

    def __init__(self, acts: Acts, wall_ms: Callable[[], int]) -> None:
        self.entries: list[LogEntry] = []
        self._acts = acts
        self._wall_ms = wall_ms

    async def start(self) -> StartedRun:
        """Raises ActRefused, noted."""
        entry = self._note("g", "go live on loopback")
        try:
            started = await asyncio.to_thread(self._acts.start_run)
        except ActRefused as error:
            self._outcome(entry, f"✗ {error}", "bad")
            raise
        self._outcome(entry, f"✓ started {started.run_id}", "ok")
        return started

    async def stop(self, run_id: str) -> None:
        """Raises ActRefused, noted."""
        entry = self._note("x", f"stop {run_id}")
        try:
            command = await asyncio.to_thread(self._acts.stop_run, run_id, "stopped at the console")
        except ActRefused as error:
            self._outcome(entry, f"✗ {error}", "bad")
            raise
        self._outcome(entry, f"✓ left in the inbox as {command}", "ok")

    def _note(self, key: str, what: str) -> int:
        self.entries.append(LogEntry(self._wall_ms(), key, what, "asked", "accent"))
        return len(self.entries) - 1

    def _outcome(self, entry: int, outcome: str, role: str) -> None:
        before = self.entries[entry]
        self.entries[entry] = LogEntry(before.wall_ms, before.key, before.what, outcome, role)
