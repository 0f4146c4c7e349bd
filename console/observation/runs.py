"""Which runs there are, and which of them goes on."""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from console.evidence.checks.layout import BUNDLE_FILE
from console.observation.listing import listed
from runners.records.lock import is_held

_COORDINATOR = re.compile(r"coordinator(-r[1-9]\d{0,5})?")


class RunStanding(StrEnum):
    LIVE = "live"  # a living coordinator holds the run's lock
    CLOSED = "closed"  # a bundle exists
    LEFT = "left"  # neither: its coordinator died, and `swarm attach` continues it


@dataclass(frozen=True, slots=True)
class RunRef:
    run_id: str
    run_dir: Path
    standing: RunStanding
    bundle: Path | None
    changed_ms: int
    ended: str = ""  # what the bundle says of the run, where that was asked: `endings.with_endings`
    why: str = ""  # the same of the reason
    drill: str = ""  # of a scratch run, what its drill came to: pass, fail
    ended_ms: int | None = None  # and of when: a copy or a clone has newer files


def coordinator_folder(run_dir: Path) -> Path | None:
    """`<run>/<node>/coordinator`, or that of the newest revision; the lane names the node's folder."""
    found = [path for path in listed(run_dir, "*/coordinator*") if path.is_dir() and not path.is_symlink()]
    known = [path for path in found if _COORDINATOR.fullmatch(path.name)]
    return max(known, key=lambda path: (revision_of(path), path.parent.name), default=None)


def revision_of(folder: Path) -> int:
    """Of a coordinator's folder or a bundle: 0, or the number after `-r`."""
    tail = folder.name.rpartition("-r")[2]
    return int(tail) if tail.isdigit() else 0


def bundle_of(run_dir: Path) -> Path | None:
    """The bundle of the run's newest revision, when it is whole; a bundle's own folder is its own bundle."""
    coordinator = coordinator_folder(run_dir)
    revision = revision_of(coordinator) if coordinator else 0
    for folder in (run_dir / (f"bundle-r{revision}" if revision else "bundle"), run_dir):
        if (folder / BUNDLE_FILE).is_file():
            return folder
    return None


def inspect_run(run_dir: Path) -> RunRef | None:
    """None for a folder that isn't a run."""
    coordinator, bundle = coordinator_folder(run_dir), bundle_of(run_dir)
    if coordinator is None and bundle is None:
        return None
    if coordinator is not None and is_held(coordinator):
        standing = RunStanding.LIVE
    else:
        standing = RunStanding.CLOSED if bundle else RunStanding.LEFT
    return RunRef(run_dir.name, run_dir, standing, bundle, _changed_ms(coordinator, bundle))


def _changed_ms(coordinator: Path | None, bundle: Path | None) -> int:
    """By its own records: an audit or a snapshot that is written beside a run makes it no newer."""
    places: list[Path] = []
    if coordinator is not None:
        places += [coordinator, *coordinator.glob("journals/*.jsonl")]
    if bundle is not None:
        places.append(bundle / BUNDLE_FILE)
    return max(place.stat().st_mtime_ns for place in places) // 1_000_000


def list_runs(runs_dir: Path) -> tuple[RunRef, ...]:
    """Newest first. A folder that vanishes meanwhile is left out."""
    found = []
    if not runs_dir.is_dir():
        return ()
    for folder in runs_dir.iterdir():
        try:
            run = inspect_run(folder) if folder.is_dir() else None
        except OSError:
            continue
        if run is not None:
            found.append(run)
    return tuple(sorted(found, key=lambda run: (-run.changed_ms, run.run_id)))


def list_kept(place: Path) -> tuple[RunRef, ...]:
    """Bundles at a path: itself, its first document, or the folders in it. A run that goes on is not kept."""
    folder = place if place.is_dir() else place.parent
    bundle = bundle_of(folder)
    if bundle is not None and folder.is_dir():
        name = folder.parent.name if folder.name == "bundle" else folder.name
        return (RunRef(name, folder, RunStanding.CLOSED, bundle, _changed_ms(None, bundle)),)
    return tuple(run for run in list_runs(folder) if run.bundle is not None)


def newest_live(runs: tuple[RunRef, ...]) -> RunRef | None:
    return next((run for run in runs if run.standing is RunStanding.LIVE), None)
