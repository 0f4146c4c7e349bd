"""A run by its id."""

from pathlib import Path

from console.cli.errors import UsageError
from console.evidence.models import BUNDLE_FILE
from console.observation.runs import list_runs
from console.places import data_dir, runs_dir

BUNDLES = "bundle*"  # bundle, bundle-r1: docs/layout.md


def find_run(run_id: str) -> Path:
    """Raises UsageError that names the runs there are."""
    folder = runs_dir() / run_id
    if "/" not in run_id and folder.is_dir() and not run_id.startswith("."):
        return folder
    known = [run.run_id for run in list_runs(runs_dir())]  # newest first
    meant = [one for one in known if run_id and one.startswith(run_id)] or known
    there = ", ".join(meant[:5]) + (f" and {len(meant) - 5} more" if len(meant) > 5 else "") or "none"
    raise UsageError(f"run {run_id!r}: expected a run in {runs_dir()}, got no such folder; there are: {there}")


def retained_runs() -> Path:
    return data_dir("fixtures") / "swarm" / "runs"


def find_bundle(run: str | None) -> Path:
    """The closed bundle of a run's last revision: by id, by folder, or this machine's newest. Raises UsageError."""
    if run is None:
        found = [path.parent for path in runs_dir().glob(f"*/{BUNDLES}/{BUNDLE_FILE}")]
        if not found:
            raise UsageError(f"expected a closed run in {runs_dir()}, got none; name a run or a bundle's folder")
        return max(found, key=lambda path: path.stat().st_mtime)
    for folder in (Path(run), *_revisions(Path(run)), retained_runs() / run):
        if (folder / BUNDLE_FILE).is_file() and ("/" in run or folder.parent == retained_runs()):
            return folder.absolute()
    revisions = _revisions(find_run(run))
    if not revisions:
        raise UsageError(f"run {run}: expected a closed run, got one without a bundle; `swarm attach {run}` ends it")
    return revisions[0]


def _revisions(run_dir: Path) -> list[Path]:
    """Bundles of a run of this machine, the last revision's first."""
    found = [path.parent for path in run_dir.glob(f"{BUNDLES}/{BUNDLE_FILE}")]
    return sorted(found, key=lambda path: int(path.name.removeprefix("bundle").removeprefix("-r") or 0), reverse=True)
