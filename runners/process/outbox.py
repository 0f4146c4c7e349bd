"""What a contributor publishes: written aside, synced, renamed, and never changed after."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

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


def publish(draft: Path, outbox: Path, names: Sequence[str]) -> None:
    """Exactly `names`, synced and read-only, under the final name."""
    found = {path.name for path in draft.iterdir()}
    if found != set(names):
        raise Refused("outbox_incomplete", f"{outbox.name}: expected {sorted(names)}, got {sorted(found)}")
    for name in names:
        fd = open_regular(draft / name)
        sync_fd(fd)
        os.fchmod(fd, 0o444)
        os.close(fd)
    sync_folder(draft)
    draft.rename(outbox)
    sync_folder(outbox.parent)
