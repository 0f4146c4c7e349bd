"""Two consoles on one machine: who starts a run looks whether another has, and they take turns."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console.cli.errors import UsageError
from console.evidence.operator_acts import FOLDER
from console.observation.runs import RunRef, RunStanding, coordinator_folder, list_runs, newest_live
from runners.records.errors import AlreadyHeld
from runners.records.lock import FolderLock

STARTING_MS = 20_000  # for a coordinator to take its lock, on a busy machine


@contextmanager
def one_console_at_a_time(runs_dir: Path) -> Iterator[None]:
    """While a run is made. Raises UsageError where another console makes one just now."""
    folder = runs_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(folder)
    try:
        lock.acquire()
    except AlreadyHeld as error:
        raise UsageError("another console is starting a run on this machine just now") from error
    try:
        yield
    finally:
        lock.release()


def require_free_machine(runs_dir: Path, wall_ms: int) -> None:
    """Raises UsageError with the run that goes on, or begins; the screen's own list of them may be two seconds old."""
    runs = list_runs(runs_dir)
    going = newest_live(runs) or next((run for run in runs if _begins(run, wall_ms)), None)
    if going is not None:
        raise UsageError(f"{going.run_id} was started meanwhile and needs this machine; it has to end first")


def _begins(run: RunRef, wall_ms: int) -> bool:
    """Made, and its coordinator isn't up yet."""
    if run.standing is not RunStanding.LEFT or not 0 <= wall_ms - run.changed_ms < STARTING_MS:
        return False
    folder = coordinator_folder(run.run_dir)
    return folder is not None and not any(folder.glob("journals/*.jsonl"))
