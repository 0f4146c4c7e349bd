"""What the operator can do to the world. The screen asks; someone else acts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StartedRun:
    run_id: str
    run_dir: Path


class Acts(Protocol):
    """Called in a worker thread, so it may take a second. Raises ActRefused with what went wrong and what to do."""

    def start_run(self) -> StartedRun:
        """Start a loopback run, detached from the console."""
        ...

    def stop_run(self, run_id: str, reason: str) -> str:
        """Leave a signed stop command in the run's inbox; returns the command's id."""
        ...
