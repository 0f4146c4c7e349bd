"""A run by its id."""

from pathlib import Path

from console.cli.errors import UsageError
from console.evidence.models import BUNDLE_FILE
from console.places import data_dir, runs_dir


def find_run(run_id: str) -> Path:
    """Raises UsageError that names the runs there are."""
    folder = runs_dir() / run_id
    if "/" not in run_id and folder.is_dir() and not run_id.startswith("."):
        return folder
    known = sorted(path.name for path in runs_dir().glob("*") if path.is_dir() and not path.name.startswith("."))
    there = ", ".join(known[-5:]) or "none"
    raise UsageError(f"run {run_id!r}: expected a run in {runs_dir()}, got no such folder; there are: {there}")


def retained_runs() -> Path:
    return data_dir("fixtures") / "swarm" / "runs"


def find_bundle(run: str | None) -> Path:
    """The closed bundle of a run: by id, by folder, or the newest of this machine. Raises UsageError."""
    if run is None:
        return _newest()
    for folder in (Path(run), Path(run) / "bundle", retained_runs() / run):
        if (folder / BUNDLE_FILE).is_file() and ("/" in run or folder.parent == retained_runs()):
            return folder.absolute()
    folder = find_run(run) / "bundle"
    if not (folder / BUNDLE_FILE).is_file():
        raise UsageError(f"run {run}: expected a closed run, got one without a bundle; `swarm attach {run}` ends it")
    return folder


def _newest() -> Path:
    found = [path.parent for path in runs_dir().glob(f"*/bundle/{BUNDLE_FILE}")]
    if not found:
        raise UsageError(f"expected a closed run in {runs_dir()}, got none; name a run or a bundle's folder")
    return max(found, key=lambda path: path.stat().st_mtime)
