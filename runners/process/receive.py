"""`receive`: one content-addressed archive from standard input into the run root."""

import hashlib
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import BinaryIO

from runners.contract.plan import FileRef
from runners.contract.requests import ReceiveRequest, ReceiveResponse
from runners.process.errors import Refused
from runners.process.run_root import RunRoot
from runners.process.settings import HostSettings
from runners.process.wire import CHUNK_BYTES, Wire
from runners.records.durable import matches, sync_fd, sync_folder

MAX_ARCHIVE_BYTES = 16 * 1024**3
SPARE_BYTES = 64 * 1024**2  # left for the journal, the adapter and the host's other work


def receive(settings: HostSettings, wire: Wire) -> ReceiveResponse:
    """A sender that closes right after line 1 only asks whether the archive is here already. Raises Refused."""
    request = wire.read(ReceiveRequest)
    root = RunRoot(settings.make_run_root())
    root.received.mkdir(exist_ok=True, mode=0o700)
    target = root.archive(request.archive.sha256)
    reused = holds(target, request.members)
    if reused:
        for _ in wire.chunks(request.archive.size_bytes):
            pass  # what is here was just verified; the sender may still be sending
    else:
        check_size(request, shutil.disk_usage(root.folder).free)
        _take(request, wire, target)
    return ReceiveResponse(reused=reused, free_bytes=shutil.disk_usage(root.folder).free)


def holds(folder: Path, members: tuple[FileRef, ...]) -> bool:
    """Are exactly these files there, byte for byte?"""
    if not folder.is_dir() or {path.name for path in folder.iterdir()} != {member.name for member in members}:
        return False
    return all(matches(folder / member.name, member) for member in members)


def check_size(request: ReceiveRequest, free_bytes: int) -> None:
    """The archive and what is unpacked from it lie on the disk at the same time."""
    size_bytes = request.archive.size_bytes
    names = [member.name for member in request.members]
    if len(set(names)) != len(names) or not names:
        raise Refused("archive_malformed", f"expected members of different names, got {len(names)} names {names[:8]}")
    if not 0 < size_bytes <= MAX_ARCHIVE_BYTES or sum(member.size_bytes for member in request.members) > size_bytes:
        raise Refused(
            "archive_too_large",
            f"expected an archive of 1 to {MAX_ARCHIVE_BYTES} bytes, got {size_bytes} with more in it",
        )
    needed = 2 * size_bytes + SPARE_BYTES
    if free_bytes < needed:
        raise Refused(
            "disk_full", f"run root: expected {needed} free bytes, got {free_bytes}; free some and ship again"
        )


def _take(request: ReceiveRequest, wire: Wire, target: Path) -> None:
    """Unpacked beside its place and renamed: another process sees all of it or nothing."""
    with tempfile.TemporaryDirectory(prefix=".incoming-", dir=target.parent) as scratch:
        with tempfile.TemporaryFile(dir=scratch) as spool:
            _spool(request.archive, wire, spool)
            draft = Path(scratch) / "members"
            draft.mkdir(mode=0o700)
            unpack(spool, draft, request.members)
        sync_folder(draft)
        if target.exists():
            shutil.rmtree(target)  # it was looked at before, and isn't what its name says
        draft.rename(target)
    sync_folder(target.parent)


def _spool(archive: FileRef, wire: Wire, spool: BinaryIO) -> None:
    digest, size_bytes = hashlib.sha256(), 0
    for chunk in wire.chunks(archive.size_bytes):
        digest.update(chunk)
        size_bytes += len(chunk)
        spool.write(chunk)
    if size_bytes != archive.size_bytes:
        raise Refused("archive_short", f"{archive.name}: expected {archive.size_bytes} bytes, got {size_bytes}")
    if digest.hexdigest() != archive.sha256:
        raise Refused(
            "archive_digest_mismatch", f"{archive.name}: expected sha256 {archive.sha256}, got {digest.hexdigest()}"
        )
    if wire.has_more():
        raise Refused("archive_long", f"{archive.name}: expected {archive.size_bytes} bytes, got more")


def unpack(spool: BinaryIO, draft: Path, members: tuple[FileRef, ...]) -> None:
    """Exactly the named regular members, in any order, and zeros behind them. Raises Refused."""
    expected = {member.name: member for member in members}
    spool.seek(0)
    try:
        with tarfile.open(fileobj=spool, mode="r:", errorlevel=2) as tar:
            for info in tar:
                _check_entry(info, expected)
                _unpack_one(tar, info, draft, expected.pop(info.name))
            spool.seek(tar.offset)
    except tarfile.TarError as error:
        raise Refused("archive_malformed", f"expected an uncompressed tar, got {error}") from error
    if expected:
        raise Refused("archive_member_missing", f"expected also {sorted(expected)[:8]}, got an archive without")
    while rest := spool.read(CHUNK_BYTES):
        if rest.strip(b"\0"):
            raise Refused("archive_malformed", "expected zeros after the last member, got other bytes")


def _check_entry(info: tarfile.TarInfo, expected: dict[str, FileRef]) -> None:
    """No paths, links, devices, sparse files, second copies or strangers: a name is one of the promised ones."""
    if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or info.sparse is not None:
        raise Refused("archive_member_refused", f"{info.name!r:.80}: expected a regular file, got type {info.type!r}")
    if info.name not in expected:
        raise Refused("archive_member_refused", f"{info.name!r:.80}: expected one of {sorted(expected)[:8]}")
    if info.size != expected[info.name].size_bytes:
        raise Refused(
            "archive_member_mismatch", f"{info.name}: expected {expected[info.name].size_bytes} bytes, got {info.size}"
        )


def _unpack_one(tar: tarfile.TarFile, info: tarfile.TarInfo, draft: Path, expected: FileRef) -> None:
    source = tar.extractfile(info)
    assert source is not None  # regular, as checked
    digest = hashlib.sha256()
    with (draft / expected.name).open("xb") as sink:
        while chunk := source.read(CHUNK_BYTES):
            digest.update(chunk)
            sink.write(chunk)
        sink.flush()
        sync_fd(sink.fileno())
    if digest.hexdigest() != expected.sha256:
        raise Refused(
            "archive_member_mismatch", f"{info.name}: expected sha256 {expected.sha256}, got {digest.hexdigest()}"
        )
