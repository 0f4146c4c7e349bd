"""Why a coordinator ended, in its own last words: the end of the log that it wrote beside its journal."""

import os
from pathlib import Path

from console.evidence.kept_file import open_kept
from console.observation.output import last_meaningful
from console.observation.runs import coordinator_folder
from runners.records.errors import RecordsError
from runners.records.machine_limits import full_disk

LOG = "log.txt"
_TAIL_BYTES = 8 * 1024
_NO_NEXT = " can go on: "  # the next coordinator would end in the same way


def no_next(run_id: str, error: Exception) -> str:
    """What a coordinator says that found the run in a state from which none can go on."""
    return f"no coordinator of {run_id}{_NO_NEXT}{type(error).__name__}: {error}"


def why_no_next(word: str) -> str:
    """The reason in such a word; empty in any other."""
    return word.partition(_NO_NEXT)[2] if word.startswith("no coordinator of ") else ""


def last_word(run_dir: Path) -> str:
    """Of the newest coordinator; empty where it was killed before it could say anything. A full disk is told beside it:
    what a coordinator had to say of it had no room either."""
    return "; ".join(part for part in (_of_log(run_dir), full_disk(run_dir)) if part)


def _of_log(run_dir: Path) -> str:
    folder = coordinator_folder(run_dir)
    try:
        if folder is None:
            return ""
        with os.fdopen(open_kept(folder / LOG), "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL_BYTES))
            word = last_meaningful(stream.read(_TAIL_BYTES).decode(errors="replace"))
    except (RecordsError, OSError):
        return ""
    return "" if word.startswith("coordinator of ") else word  # its first line, with its pid
