"""SFTP that reads regular files beneath the run root and does nothing else.

asyncssh's own `chroot` is lexical: a symlink inside leads out. So each path is walked here, part by part, and every
operation of the server that isn't a read is refused by default, including ones that a later asyncssh may add.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import asyncssh

from runners.records.beneath import open_beneath
from runners.records.errors import UnsafePath

MAX_READ_BYTES = 256 * 1024  # of one request; the protocol allows a short answer


class ReadOnlyFile:
    """Closes itself too: a session that ends while its file is being opened never learns of the descriptor."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    __del__ = close


class ReadOnlyFiles(asyncssh.SFTPServer):
    """One SFTP session. Blocking calls run on threads, so that a slow disk can't stop the agent's keepalive."""

    def __init__(self, chan: "asyncssh.SSHServerChannel[bytes]", run_root: Path, open_files: int) -> None:
        super().__init__(chan)
        self._run_root = run_root
        self._left = open_files

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:  # noqa: ARG002
        if pflags != asyncssh.FXF_READ:
            _refuse("open for writing")
        if self._left == 0:
            raise asyncssh.SFTPFailure("expected fewer open files, got one too many; close some")
        self._left -= 1
        try:
            return await asyncio.to_thread(self._open, path)
        except BaseException:
            self._left += 1
            raise

    def _open(self, path: bytes) -> ReadOnlyFile:
        name = path.decode("utf-8", errors="replace")
        try:
            return ReadOnlyFile(open_beneath(self._run_root, name))
        except FileNotFoundError as error:
            raise asyncssh.SFTPNoSuchFile(f"{name[:200]}: expected a file in the run root, got none") from error
        except UnsafePath as error:
            raise asyncssh.SFTPPermissionDenied(str(error)) from error

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        assert isinstance(file_obj, ReadOnlyFile)
        if offset >= 2**63:
            return b""
        return await asyncio.to_thread(os.pread, file_obj.fd, min(size, MAX_READ_BYTES), offset)

    def close(self, file_obj: object) -> None:
        assert isinstance(file_obj, ReadOnlyFile)
        self._left += 1
        file_obj.close()

    def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        assert isinstance(file_obj, ReadOnlyFile)
        return _attrs(os.fstat(file_obj.fd))

    async def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        """Of what `open` would open: the name alone says nothing."""
        file = await asyncio.to_thread(self._open, path)
        try:
            return self.fstat(file)
        finally:
            file.close()

    async def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        return await self.stat(path)

    def realpath(self, path: bytes) -> bytes:
        """The run root is the root; where it lies on the host is nobody's business. Cheap: links are timed by it."""
        if path in (b"", b"."):
            return b"."
        return _refuse("realpath")

    def exit(self) -> None:
        """Nothing is held besides the open files, which asyncssh closes."""


def _attrs(status: os.stat_result) -> asyncssh.SFTPAttrs:
    """Size and time only: owners and modes of a host stay there."""
    return asyncssh.SFTPAttrs(size=status.st_size, permissions=status.st_mode, mtime=int(status.st_mtime), atime=0)


def _refuse(operation: str) -> NoReturn:
    raise asyncssh.SFTPPermissionDenied(
        f"{operation}: expected a read of a file in the run root, nothing else is served"
    )


def _refusal(operation: str) -> Callable[..., NoReturn]:
    def refuse(*_args: object) -> NoReturn:
        _refuse(operation)

    return refuse


_SERVED = frozenset(vars(ReadOnlyFiles)) | {"channel", "connection", "env", "logger", "convert_attrs"}
for _name in dir(asyncssh.SFTPServer):
    if not _name.startswith("_") and _name not in _SERVED:
        setattr(ReadOnlyFiles, _name, _refusal(_name))
