"""One living process per folder."""

import errno
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from runners.records.errors import AlreadyHeld


class FolderLock:
    """flock on `<folder>/lock`. The kernel frees it when the process dies, however it dies."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lock"
        self._fd: int | None = None

    def acquire(self) -> None:
        """Raises AlreadyHeld."""
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            if error.errno in (errno.EAGAIN, errno.EACCES):
                raise AlreadyHeld(f"{self.path}: expected a free lock, got one held by a living process") from error
            raise
        self._fd = fd

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def is_held(folder: Path) -> bool:
    """Does a living process hold the folder's lock?"""
    lock = FolderLock(folder)
    if not lock.path.exists():
        return False
    try:
        lock.acquire()
    except AlreadyHeld:
        return True
    lock.release()
    return False
