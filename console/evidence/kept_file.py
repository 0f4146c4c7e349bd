"""Files that are kept: opened as the checks open them."""

import os
import stat
from pathlib import Path

from console.evidence.checks.shared_file import ALONE, shared_with
from runners.records.errors import UnsafePath


def open_kept(path: Path) -> int:
    """A read-only descriptor of a regular file, never through a symlink. Raises UnsafePath."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UnsafePath(f"{path.name}: expected a readable regular file, got {error.strerror}") from error
    found = os.fstat(fd)
    regular = stat.S_ISREG(found.st_mode)
    got = shared_with(found) if regular else stat.filemode(found.st_mode)
    if got:
        os.close(fd)
        raise UnsafePath(f"{path.name}: expected {ALONE if regular else 'a regular file'}, got {got}")
    return fd
