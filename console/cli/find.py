"""A run by its id."""

from pathlib import Path

from console.cli.errors import UsageError
from console.places import runs_dir


def find_run(run_id: str) -> Path:
    """Raises UsageError that names the runs there are."""
    folder = runs_dir() / run_id
    if "/" not in run_id and folder.is_dir() and not run_id.startswith("."):
        return folder
    known = sorted(path.name for path in runs_dir().glob("*") if path.is_dir() and not path.name.startswith("."))
    there = ", ".join(known[-5:]) or "none"
    raise UsageError(f"run {run_id!r}: expected a run in {runs_dir()}, got no such folder; there are: {there}")
