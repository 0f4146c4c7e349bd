"""A file from a host to this disk: bounded, hashed on the way, whole or not at all."""

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Protocol

from console.hosts.errors import ArtifactDigestMismatch, FetchRefused
from runners.contract.plan import FileRef
from runners.records.durable import sync_fd, sync_folder, write_all

CHUNK_BYTES = 256 * 1024


class OpenFile(Protocol):
    """A regular file with one link in a run root, held open, so that a swapped name can't change what is read."""

    async def read(self, offset: int, size: int) -> bytes: ...


async def copy_checked(source: OpenFile, name: str, expected: FileRef, target: Path, limit: int) -> Path:
    """Raises ArtifactDigestMismatch, with what was received beside `target`, and FetchRefused before any read."""
    if expected.size_bytes > limit:
        raise FetchRefused(f"{name}: expected at most {limit} bytes, the journal announces {expected.size_bytes}")
    draft = target.with_name(f".{target.name}.received")
    draft.unlink(missing_ok=True)
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        size, sha256 = await _copy(source, fd, expected.size_bytes + 1)
        await asyncio.to_thread(sync_fd, fd)
    except BaseException:
        draft.unlink()
        raise
    finally:
        os.close(fd)
    if (size, sha256) != (expected.size_bytes, expected.sha256):
        raise ArtifactDigestMismatch(name, expected, size, sha256, draft)
    draft.replace(target)
    await asyncio.to_thread(sync_folder, target.parent)
    return target


async def _copy(source: OpenFile, fd: int, most: int) -> tuple[int, str]:
    """Size and sha256 of at most `most` bytes."""
    digest = hashlib.sha256()
    offset = 0
    while offset < most and (data := await source.read(offset, min(CHUNK_BYTES, most - offset))):
        digest.update(data)
        await asyncio.to_thread(write_all, fd, data)
        offset += len(data)
    return offset, digest.hexdigest()
