"""How a closed run ended, why and when: a few words of its documents, whichever system wrote them. Unverified."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from console.evidence.checks.layout import BUNDLE_FILE
from console.observation.kept_json import number, read_json, text
from console.observation.runs import RunRef

UNREADABLE = "unreadable"  # the document that says how
DRILL = "drill.json"
REPORT = "coordinator_runtime_report.json"
YEAR_10000_MS = 253_402_300_800_000  # no calendar goes on


def with_endings(runs: tuple[RunRef, ...]) -> tuple[RunRef, ...]:
    """Reads files; a document is read once for as long as it stays as it is."""
    return tuple(_drilled(_ended(run, run.bundle)) if run.bundle else run for run in runs)


def _ended(run: RunRef, bundle: Path) -> RunRef:
    try:
        changed_ns = (bundle / BUNDLE_FILE).stat().st_mtime_ns
    except OSError:
        return run
    ended, why, at_ms = _read(bundle, changed_ns)
    return replace(run, ended=ended, why=why, ended_ms=at_ms)


def _drilled(run: RunRef) -> RunRef:
    """A run that failed as a drill had promised is no failure: its report lies beside the bundle."""
    try:
        changed_ns = (run.run_dir / DRILL).stat().st_mtime_ns
    except OSError:
        return run
    return replace(run, drill=_read_drill(run.run_dir / DRILL, changed_ns))


@lru_cache(maxsize=1024)
def _read_drill(path: Path, changed_ns: int) -> str:  # noqa: ARG001 - as below
    return text(read_json(path), "result", limit=10)


@lru_cache(maxsize=1024)
def _read(bundle: Path, changed_ns: int) -> tuple[str, str, int | None]:  # noqa: ARG001 - another time, another document
    body, report = read_json(bundle / BUNDLE_FILE), read_json(bundle / REPORT)
    at_ms = number(report, "finished_wall_ms") or number(report, "finished_at_ms") or 0  # ours, the old system's
    told = int(at_ms) if 0 < at_ms < YEAR_10000_MS else None
    ended = text(body, "result_classification", limit=40) if body else UNREADABLE
    return ended, text(body, "reason"), told
