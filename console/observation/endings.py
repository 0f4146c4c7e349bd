"""How a closed run ended, for a list: one word of its first document, whichever system wrote it. Unverified."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from console.evidence.checks.layout import BUNDLE_FILE
from console.observation.kept_json import read_json, text
from console.observation.runs import RunRef


def with_endings(runs: tuple[RunRef, ...]) -> tuple[RunRef, ...]:
    """Reads files; a document is read once for as long as it stays as it is."""
    return tuple(replace(run, ended=_ending(run.bundle)) if run.bundle else run for run in runs)


def _ending(bundle: Path) -> str:
    document = bundle / BUNDLE_FILE
    try:
        changed_ns = document.stat().st_mtime_ns
    except OSError:
        return ""
    return _read(document, changed_ns)


@lru_cache(maxsize=1024)
def _read(document: Path, changed_ns: int) -> str:  # noqa: ARG001 - another time is another document
    return text(read_json(document), "result_classification", limit=40)
