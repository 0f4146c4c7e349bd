"""How a closed run ended, and why: two words of its first document, whichever system wrote it. Unverified."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from console.evidence.checks.layout import BUNDLE_FILE
from console.observation.kept_json import read_json, text
from console.observation.runs import RunRef


def with_endings(runs: tuple[RunRef, ...]) -> tuple[RunRef, ...]:
    """Reads files; a document is read once for as long as it stays as it is."""
    return tuple(_ended(run, run.bundle) if run.bundle else run for run in runs)


def _ended(run: RunRef, bundle: Path) -> RunRef:
    ended, why = _ending(bundle)
    return replace(run, ended=ended, why=why)


def _ending(bundle: Path) -> tuple[str, str]:
    document = bundle / BUNDLE_FILE
    try:
        changed_ns = document.stat().st_mtime_ns
    except OSError:
        return "", ""
    return _read(document, changed_ns)


@lru_cache(maxsize=1024)
def _read(document: Path, changed_ns: int) -> tuple[str, str]:  # noqa: ARG001 - another time is another document
    body = read_json(document)
    return text(body, "result_classification", limit=40), text(body, "reason")
