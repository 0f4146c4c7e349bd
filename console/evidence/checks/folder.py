"""A folder from a stranger: plain files only, read once, never followed out of itself."""

import hashlib
import os
import re
import stat
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from console.evidence.checks.shared_file import ALONE, shared_with
from console.evidence.checks.stored import UnreadableError

MAX_ENTRIES = 16_384  # a lane that would keep more training states is refused when it is read
MAX_DEPTH = 5
MAX_FILE_BYTES = 4 * 1024**3  # past this a file is not read at all
MAX_BYTES = 64 * 1024**3  # of all listed files: they are read whole, and a hole in a file costs its sender nothing
KEPT_BYTES = 256 * 1024**2  # up to this a file's bytes stay in memory after the one reading
HEAD_BYTES = 2 * 1024**2  # enough of a bigger file for its safetensors header
CHUNK_BYTES = 1 << 20

# An admission token, or the start of any private key in text form.
SECRET = re.compile(rb"swarm1-[A-Za-z2-7]{20,}|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----")
SECRET_STARTS = (b"swarm1-", b"-----BEGIN ")  # looked for first: alternatives are slow over hundreds of megabytes
SECRET_SPAN = 64  # the longest prefix that must survive a chunk boundary


@dataclass(frozen=True)
class FileRead:
    """One reading of one file. `head` is all of it when `whole`."""

    size: int
    sha256: str
    head: bytes
    whole: bool
    secret: bool


@dataclass(frozen=True)
class Refused:
    """Why a path was not read."""

    expected: str
    got: str


class Folder:
    """The bundle's tree as found. Every file is opened at most once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, int] = {}  # relative path -> size in bytes
        self.refused: dict[str, Refused] = {}
        self._reads: dict[str, FileRead | Refused] = {}
        self._entries = 0
        self._walk(root, "", 0)

    def read(self, path: str, *, keep: int = KEPT_BYTES) -> FileRead | Refused:
        """The file's bytes as they were at one moment; why not, where that can't be had. Of a file past `keep` bytes
        only the head stays in memory."""
        if path not in self._reads:
            self._reads[path] = self._read(path, keep)
        return self._reads[path]

    def let_go(self, path: str) -> None:
        """Only size and digest stay in memory: hundreds of training states are more than a machine has."""
        got = self._reads.get(path)
        if isinstance(got, FileRead) and got.size:
            self._reads[path] = replace(got, head=b"", whole=False)

    def again(self, path: str) -> bytes:
        """All bytes of a file that was let go, or whose head alone was kept: read anew, and the same as before. Raises
        UnreadableError."""
        got = self.read(path)
        if isinstance(got, Refused):
            raise UnreadableError(got.expected, got.got)
        if got.whole:
            return got.head
        anew = self._read(path, KEPT_BYTES)
        if isinstance(anew, Refused) or not anew.whole or anew.sha256 != got.sha256:
            raise UnreadableError("a file that stays as it is while it is checked", "another one at the second reading")
        return anew.head

    def piece(self, path: str, begin: int, end: int) -> bytes:
        """Some bytes of a file that may be past what stays in memory, as it was when it was read. Raises
        UnreadableError."""
        got = self.read(path)
        if isinstance(got, FileRead) and len(got.head) >= end:
            return got.head[begin:end]
        try:
            fd = os.open(self.root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                return os.pread(fd, end - begin, begin)
            finally:
                os.close(fd)
        except (OSError, ValueError) as error:
            raise UnreadableError("a file that can be read", str(error)) from error

    def content(self, path: str) -> bytes | None:
        """All bytes of a file that fits in memory."""
        got = self.read(path) if path in self.files else None
        return got.head if isinstance(got, FileRead) and got.whole else None

    def _walk(self, folder: Path, prefix: str, depth: int) -> None:
        try:
            with os.scandir(folder) as found:
                entries = sorted(islice(found, MAX_ENTRIES + 1), key=lambda entry: entry.name)
        except OSError as error:
            self.refused[prefix or "."] = Refused("a folder that can be listed", error.strerror or str(error))
            return
        for entry in entries:
            path = f"{prefix}{entry.name}"
            self._entries += 1
            if self._entries > MAX_ENTRIES:
                self.refused[path] = Refused(f"at most {MAX_ENTRIES} entries", "more")
                return
            self._admit(entry, path, depth)

    def _admit(self, entry: os.DirEntry[str], path: str, depth: int) -> None:
        try:
            found = entry.stat(follow_symlinks=False)
        except OSError as error:
            self.refused[path] = Refused("an entry that can be examined", error.strerror or str(error))
            return
        if stat.S_ISDIR(found.st_mode):
            if depth + 1 >= MAX_DEPTH:
                self.refused[path] = Refused(f"at most {MAX_DEPTH} levels", "more")
            else:
                self._walk(Path(entry.path), f"{path}/", depth + 1)
        elif not stat.S_ISREG(found.st_mode):
            self.refused[path] = Refused("a regular file", _kind(found.st_mode))
        elif shared := shared_with(found):
            self.refused[path] = Refused(ALONE, shared)
        elif found.st_size > MAX_FILE_BYTES:
            self.refused[path] = Refused(f"at most {MAX_FILE_BYTES} bytes", str(found.st_size))
        else:
            self.files[path] = found.st_size

    def _read(self, path: str, keep: int) -> FileRead | Refused:
        if path in self.refused:
            return self.refused[path]
        try:
            # O_NONBLOCK: a fifo that took the file's place after the listing must not hang us.
            fd = os.open(self.root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, ValueError) as error:
            return Refused("a file that can be opened", str(error))
        try:
            return _read_once(fd, keep)
        except OSError as error:
            return Refused("a file that can be read", error.strerror or str(error))
        finally:
            os.close(fd)


def _read_once(fd: int, keep: int) -> FileRead | Refused:
    before = os.fstat(fd)
    if not stat.S_ISREG(before.st_mode):
        return Refused("a regular file", _kind(before.st_mode))
    if shared := shared_with(before):
        return Refused(ALONE, shared)
    hasher, kept, size, secret, tail = hashlib.sha256(), bytearray(), 0, False, b""
    limit = before.st_size if before.st_size <= keep else HEAD_BYTES
    while size <= before.st_size and (chunk := os.read(fd, CHUNK_BYTES)):
        hasher.update(chunk)
        kept += chunk[: max(0, limit - len(kept))]
        secret = secret or _looks_secret(tail + chunk)
        tail = (tail + chunk)[-SECRET_SPAN:]
        size += len(chunk)
    after = os.fstat(fd)
    if (size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        return Refused(f"{before.st_size} bytes that stay as they are", f"{size} bytes, changed while read")
    return FileRead(size, hasher.hexdigest(), bytes(kept), len(kept) == size, secret)


def _looks_secret(text: bytes) -> bool:
    return any(start in text for start in SECRET_STARTS) and SECRET.search(text) is not None


def _kind(mode: int) -> str:
    names = {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFIFO: "a fifo",
        stat.S_IFSOCK: "a socket",
        stat.S_IFDIR: "a folder",
        stat.S_IFBLK: "a block device",
        stat.S_IFCHR: "a character device",
    }
    return names.get(stat.S_IFMT(mode), "something else")
