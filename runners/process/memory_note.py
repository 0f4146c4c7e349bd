"""What a runner had counted of memory, kept beside its journal while it lives.

A process that the kernel ends for want of memory says nothing any more, and a runner is nobody's child: whoever asks
for its status afterwards is told what can be known.
"""

import re

from runners.contract.canonical import canonical_bytes
from runners.contract.document import Word
from runners.contract.figures import Count
from runners.contract.names import Text
from runners.process.run_root import RunRoot
from runners.records.durable import write_durable
from runners.records.host_memory import machine_kills


class MemoryNote(Word):
    counted: Text
    kernel_kills: Count | None  # processes of this machine ended for want of memory until then; None: nobody counts


def keep_note(root: RunRoot, revision: int, counted: str) -> None:
    """Before any of it is taken. The parts are left out: this ends in sentences."""
    counted = re.sub(r" \([^()]*\)", "", counted)[:2000]
    note = MemoryNote(counted=counted, kernel_kills=machine_kills())
    write_durable(root.memory_note(revision), canonical_bytes(note.to_json()) + b"\n")


def forget_note(root: RunRoot, revision: int) -> None:
    """Of a runner that ends in order, and says itself why."""
    root.memory_note(revision).unlink(missing_ok=True)


def told_of_death(root: RunRoot, revision: int) -> str:
    """Of a runner that is gone; empty where it ended in order, or before it had counted. By the kernel's own count of
    whom it ended; short where memory was not the cause, since what follows from it is said after it."""
    note = root.find(root.memory_note(revision), MemoryNote)
    if note is None:
        return ""
    now = machine_kills()
    if now is None or note.kernel_kills is None:
        return f"by whom can't be told here; it had counted: {note.counted}"
    if now > note.kernel_kills:
        ended = f"the kernel has since ended {now - note.kernel_kills} of this machine's processes for want of memory"
        return f"{ended}; it had counted: {note.counted}"
    return "not for want of memory"
