"""What a contributor publishes: written aside, synced, renamed, and never changed after."""

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from runners.contract.plan import FileRef
from runners.process.errors import Refused
from runners.records.durable import open_regular, sync_fd, sync_folder


def new_draft(outbox: Path) -> Path:
    """An empty folder beside `outbox`, on the same file system."""
    if outbox.exists():
        raise Refused("outbox_exists", f"{outbox.name}: expected nothing produced in this revision yet, got an outbox")
    draft = outbox.with_name(f".{outbox.name}.draft")
    if draft.exists():
        shutil.rmtree(draft)
    draft.mkdir(parents=True)
    return draft


def publish(draft: Path, outbox: Path, names: Sequence[str]) -> tuple[FileRef, ...]:
    """Exactly `names`, synced and read-only, under the final name; sizes and digests as read back."""
    found = {path.name for path in draft.iterdir()}
    if found != set(names):
        raise Refused("outbox_incomplete", f"{outbox.name}: expected {sorted(names)}, got {sorted(found)}")
    files = tuple(_seal(draft / name) for name in names)
    sync_folder(draft)
    draft.rename(outbox)
    sync_folder(outbox.parent)
    return files


def _seal(path: Path) -> FileRef:
    fd = open_regular(path)
    with os.fdopen(fd, "rb") as stream:
        sync_fd(stream.fileno())
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size_bytes = stream.tell()
    path.chmod(0o444)
    return FileRef(name=path.name, size_bytes=size_bytes, sha256=digest)
