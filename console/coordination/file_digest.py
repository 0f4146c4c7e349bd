"""sha256 of large files, each read once per process: a checkpoint is named by several documents of one start."""

import hashlib
from functools import lru_cache
from pathlib import Path


def file_sha256(path: Path) -> str:
    """Read again once size, time of change, inode or device differ. Raises OSError."""
    found = path.stat()
    return _read(path, (found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev))


@lru_cache(maxsize=1024)
def _read(path: Path, _as_it_was: tuple[int, ...]) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
