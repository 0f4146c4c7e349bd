"""A verified copy of a host's journal on this disk: what a restarted coordinator continues from."""

import os
from pathlib import Path

from runners.contract.journal import Head, Writer
from runners.records.durable import sync_fd, sync_folder, write_all
from runners.records.journal_file import JournalReader, VerifiedLine

READ_BYTES = 1 << 20


class Mirror:
    """`restored` are the lines that were there; a torn tail of an interrupted write is cut, the host has it whole.

    One writer: the coordinator, which holds its run's lock.
    """

    def __init__(self, path: Path, writer: Writer, public_key: str) -> None:
        """Raises as JournalReader for a changed file."""
        self.path = path
        self.restored: tuple[VerifiedLine, ...] = ()
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            self.head = self._restore(writer, public_key)
            sync_folder(path.parent)
        except BaseException:
            os.close(self._fd)
            raise

    def _restore(self, writer: Writer, public_key: str) -> Head:
        reader = JournalReader(writer, public_key)
        lines: list[VerifiedLine] = []
        while data := os.pread(self._fd, READ_BYTES, reader.next_offset):
            lines += reader.feed(data)
        if reader.pending_bytes:
            os.ftruncate(self._fd, reader.head.offset)
            sync_fd(self._fd)
        self.restored = tuple(lines)
        return reader.head

    def append(self, lines: list[VerifiedLine]) -> None:
        """Durable when this returns; nothing of it is there when it raises OSError."""
        try:
            write_all(self._fd, b"".join(line.raw + b"\n" for line in lines))
            sync_fd(self._fd)
        except OSError:
            os.ftruncate(self._fd, self.head.offset)
            raise
        self.head = lines[-1].head

    def close(self) -> None:
        os.close(self._fd)
