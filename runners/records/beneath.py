"""Files beneath a folder, by a relative name from another host: no symlink, no `..`, no surprise in between."""

import os
import re
import stat
from pathlib import Path

from runners.records.errors import UnsafePath

MAX_PARTS = 8
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")  # as runners.contract.names.FileName


def parts_of(name: str) -> tuple[str, ...]:
    """The folders and the file that a relative name goes through. Raises UnsafePath."""
    parts = tuple(name.split("/"))
    if len(parts) > MAX_PARTS or not all(_PART.fullmatch(part) for part in parts):
        raise UnsafePath(
            f"{name[:200]!r}: expected a relative name of at most {MAX_PARTS} parts from A-Z a-z 0-9 . _ - "
            "with no leading dot"
        )
    return parts


def open_beneath(root: Path, name: str) -> int:
    """A read-only descriptor of a regular file with one link. Each part is opened from the one before it, never
    through a symlink, so nothing can be swapped in between. Raises UnsafePath, FileNotFoundError."""
    *folders, file = parts_of(name)
    at = _open(None, str(root), os.O_DIRECTORY, name)
    for folder in folders:
        at = _step(at, folder, os.O_DIRECTORY, name)
    fd = _step(at, file, os.O_NONBLOCK, name)
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(fd)
        kind = stat.filemode(status.st_mode)
        raise UnsafePath(f"{name}: expected a regular file with one link, got {kind} with {status.st_nlink}")
    return fd


def _step(at: int, part: str, flags: int, name: str) -> int:
    try:
        return _open(at, part, flags, name)
    finally:
        os.close(at)


def _open(at: int | None, part: str, flags: int, name: str) -> int:
    try:
        return os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=at)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnsafePath(f"{name}: expected a readable regular file, got {error.strerror} at {part!r}") from error
