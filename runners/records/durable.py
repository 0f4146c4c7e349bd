"""Bytes that must be there after a power cut."""

import errno
import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Iterable
from pathlib import Path

from runners.contract.plan import FileRef
from runners.records.errors import UnsafePath

SETTLING_TRIES, SETTLING_S = 10, 0.005
FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)  # macOS only
# What file systems answer that don't know it: NFS and SMB, FUSE, exFAT.
NO_FULL_SYNC = frozenset({errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL})

NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})


def sync_fd(fd: int, full: int | None = FULL_SYNC) -> None:
    """fsync; on macOS F_FULLFSYNC, because fsync there stops at the drive's cache, and fsync where that isn't known."""
    if full is not None:
        try:
            fcntl.fcntl(fd, full)
        except OSError as error:
            if error.errno not in NO_FULL_SYNC:
                raise
        else:
            return
    os.fsync(fd)


def sync_folder(folder: Path) -> None:
    """A file's name lies in its folder: what was renamed is there after a power cut once this has returned."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync_fd(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def write_durable(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """The whole file or none of it: temporary file, sync, rename, sync of the folder."""
    write_parts(path, (data,), mode=mode)


def write_parts(path: Path, parts: Iterable[bytes | memoryview], *, mode: int = 0o644) -> tuple[int, str]:
    """As write_durable, for a file that nobody wants to hold in one piece. Its size and sha256."""
    digest, size = hashlib.sha256(), 0
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        for part in parts:
            write_all(fd, part)
            digest.update(part)
            size += len(part)
        sync_fd(fd)
    except BaseException as error:
        os.close(fd)
        draft.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # a write names no file, and which disk is full is all that helps
        raise
    os.close(fd)
    draft.replace(path)
    sync_folder(path.parent)
    return size, digest.hexdigest()


def create_once(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """As write_durable, but the name is an idempotency key. Raises FileExistsError, and OSError where the disk has no
    hard links: exFAT, and most of what a network carries."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    write_durable(draft, data, mode=mode)
    try:
        os.link(draft, path)
    except OSError as error:
        if error.errno in NO_LINKS:
            text = f"expected a disk with hard links, as APFS and ext4 have them, got {error.strerror}"
            raise OSError(error.errno, text, str(path)) from error
        raise
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def open_regular(path: Path) -> int:
    """A read-only descriptor of a regular file with one link, never through a symlink. Raises UnsafePath."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UnsafePath(f"{path.name}: expected a readable regular file, got {error.strerror}") from error
    status = _settled(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(fd)
        kind = stat.filemode(status.st_mode)
        raise UnsafePath(f"{path.name}: expected a regular file with one link, got {kind} with {status.st_nlink}")
    return fd


def _settled(fd: int) -> os.stat_result:
    """A file that `create_once` is putting in place has two names for an instant; a hard link keeps them."""
    for _ in range(SETTLING_TRIES):
        status = os.fstat(fd)
        if status.st_nlink != 2:
            break
        time.sleep(SETTLING_S)
    return status


def read_regular(path: Path, *, limit: int) -> bytes:
    """The file's bytes, at most `limit`. Raises UnsafePath."""
    fd = open_regular(path)
    with os.fdopen(fd, "rb") as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise UnsafePath(f"{path.name}: expected at most {limit} bytes, got more")
    return data


def matches(path: Path, expected: FileRef) -> bool:
    """Is it a regular file with the named bytes?"""
    try:
        fd = open_regular(path)
    except UnsafePath:
        return False
    with os.fdopen(fd, "rb") as stream:
        digest = hashlib.file_digest(stream, "sha256")
        return stream.tell() == expected.size_bytes and digest.hexdigest() == expected.sha256
