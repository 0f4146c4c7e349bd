"""A journal on disk: append one signed, chained line at a time; read hostile bytes back."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path

from runners.contract.canonical import canonical_bytes, sha256_hex
from runners.contract.document import Word
from runners.contract.errors import MalformedBytes
from runners.contract.journal import (
    MAX_LINE_BYTES,
    Head,
    JournalRecord,
    Writer,
    follow_on,
    parse_line,
    signed_bytes,
    start_of,
)
from runners.records.clock import Clock
from runners.records.durable import sync_fd, sync_folder, write_all
from runners.records.keys import SigningKey, verify


@dataclass(frozen=True)
class VerifiedLine:
    """A record with the exact bytes that were signed and the head after it."""

    record: JournalRecord
    raw: bytes
    head: Head


class JournalReader:
    """Turns bytes in order into verified records. Keeps no file open: the caller says where bytes come from."""

    def __init__(self, writer: Writer, public_key: str, *, head: Head | None = None) -> None:
        self.writer = writer
        self.public_key = public_key
        self.head = head or start_of(writer)
        self._pending = b""

    @property
    def next_offset(self) -> int:
        """Where the next unseen byte of the file is."""
        return self.head.offset + len(self._pending)

    @property
    def pending_bytes(self) -> int:
        """Bytes after the last newline: a line still being written, or a torn tail."""
        return len(self._pending)

    def feed(self, data: bytes) -> list[VerifiedLine]:
        """Records completed by `data`. Raises MalformedBytes, BrokenChain or BadSignature at the first bad line."""
        *whole, self._pending = (self._pending + data).split(b"\n")
        lines = [self._verify(raw) for raw in whole]
        if len(self._pending) > MAX_LINE_BYTES:
            raise MalformedBytes(
                f"{self.head.file} at byte {self.head.offset}: expected a line of at most {MAX_LINE_BYTES} bytes, "
                f"got {len(self._pending)} without a newline"
            )
        return lines

    def _verify(self, raw: bytes) -> VerifiedLine:
        record = parse_line(raw)
        head = follow_on(record, raw, self.writer, self.head)
        verify(self.public_key, record.sig, record.signed_bytes(raw))
        self.head = head
        return VerifiedLine(record, raw, head)


class JournalFile:
    """The one writer of a journal. Thread-safe: the heartbeat thread and the work share it."""

    def __init__(self, path: Path, writer: Writer, key: SigningKey, *, clock: Clock | None = None) -> None:
        self.path = path
        self.writer = writer
        self.cut_bytes = 0
        self._key = key
        self._clock = clock or Clock()
        self._guard = threading.Lock()
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        self.head = self._recover()
        sync_folder(path.parent)

    def _recover(self) -> Head:
        """Verify what is there and cut a torn tail at the last newline."""
        reader = JournalReader(self.writer, self._key.public_hex)
        while data := os.pread(self._fd, 1 << 20, reader.next_offset):
            reader.feed(data)
        self.cut_bytes = reader.pending_bytes
        if self.cut_bytes:
            os.ftruncate(self._fd, reader.head.offset)
            sync_fd(self._fd)
        return reader.head

    def append(self, kind: str, body: Word) -> VerifiedLine:
        """Write and sync one record. Whatever it describes may be shown or acted on only after this returns."""
        with self._guard:
            unsigned = {
                "schema_version": "swarm.journal_record.v1",
                **self.writer.to_json(),
                "seq": self.head.next_seq,
                "kind": kind,
                "wall_ms": self._clock.wall_ms(),
                "mono_ms": self._clock.mono_ms(),
                "body": body.to_json(),
                "prev": self.head.sha256,
            }
            raw = canonical_bytes({**unsigned, "sig": self._key.sign(signed_bytes(unsigned))})
            if len(raw) > MAX_LINE_BYTES:
                raise MalformedBytes(f"record {kind}: expected at most {MAX_LINE_BYTES} bytes, got {len(raw)}")
            self._write(raw + b"\n")
            self.head = Head(
                file=self.head.file,
                offset=self.head.offset + len(raw) + 1,
                sha256=sha256_hex(raw),
                next_seq=self.head.next_seq + 1,
            )
            return VerifiedLine(parse_line(raw), raw, self.head)

    def _write(self, line: bytes) -> None:
        """The whole line, or none of it: half a line on a full disk would break the chain of the next one."""
        try:
            write_all(self._fd, line)
            sync_fd(self._fd)
        except OSError:
            os.ftruncate(self._fd, self.head.offset)
            raise

    def close(self) -> None:
        os.close(self._fd)
