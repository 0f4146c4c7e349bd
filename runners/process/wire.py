"""One verb's conversation: canonical JSON lines in, canonical JSON lines out, and raw bytes where a verb says so."""

import os
import select
from collections.abc import Iterator
from typing import TypeVar

from runners.contract.canonical import MAX_DOCUMENT_BYTES, canonical_bytes, parse_strict
from runners.contract.document import Word, check_digests, word_from_json
from runners.contract.errors import MalformedBytes
from runners.process.errors import StreamEnded
from runners.records.durable import write_all

CHUNK_BYTES = 1 << 20
SILENCE_S = 120.0  # a coordinator that says nothing for this long is gone; the verb must not stay behind

W = TypeVar("W", bound=Word)


class Wire:
    """Frames by itself: bytes that follow a line stay unread until someone asks for them."""

    def __init__(self, source_fd: int, sink_fd: int, *, silence_s: float = SILENCE_S) -> None:
        self._source = source_fd
        self._sink = sink_fd
        self._silence_s = silence_s
        self._pending = b""

    def read(self, cls: type[W]) -> W:
        """The next line. Raises MalformedBytes, DigestMismatch, StreamEnded."""
        raw = self._line()
        body = parse_strict(raw)
        if canonical_bytes(body) != raw:
            raise MalformedBytes(f"expected {cls.__name__} as one line of canonical JSON, got another spelling")
        word = word_from_json(cls, body)
        check_digests(word)
        return word

    def read_next(self, cls: type[W]) -> W | None:
        """As `read`, or None where the sender has said everything. Raises MalformedBytes, DigestMismatch."""
        return self.read(cls) if self._pending or self._fill(CHUNK_BYTES) else None

    def read_secret(self, cls: type[W]) -> W:
        """As `read`, but what is wrong with the line is never repeated anywhere."""
        try:
            return self.read(cls)
        except MalformedBytes:
            raise MalformedBytes(f"expected {cls.__name__} as one line of canonical JSON, got something else") from None

    def chunks(self, size_bytes: int) -> Iterator[bytes]:
        """Exactly the next `size_bytes` bytes, or fewer when the stream ends before."""
        left = size_bytes
        while left and (self._pending or self._fill(min(left, CHUNK_BYTES))):
            chunk, self._pending = self._pending[:left], self._pending[left:]
            left -= len(chunk)
            yield chunk

    def has_more(self) -> bool:
        """Did more bytes come than were asked for? Doesn't wait: an honest sender may keep its side open."""
        ready, _, _ = select.select([self._source], [], [], 0)
        return bool(self._pending) or (bool(ready) and self._fill(1))

    def write(self, word: Word) -> None:
        write_all(self._sink, canonical_bytes(word.to_json()) + b"\n")

    def _line(self) -> bytes:
        searched = 0
        while (end := self._pending.find(b"\n", searched)) < 0:
            searched = len(self._pending)
            if searched > MAX_DOCUMENT_BYTES:
                raise MalformedBytes(f"expected a line of at most {MAX_DOCUMENT_BYTES} bytes, got more")
            if not self._fill(CHUNK_BYTES):
                raise StreamEnded(f"expected a line of JSON, got the end of the stream after {searched} bytes")
        line, self._pending = self._pending[:end], self._pending[end + 1 :]
        return line

    def _fill(self, size_bytes: int) -> bool:
        """More bytes, or False at the end of the stream."""
        ready, _, _ = select.select([self._source], [], [], self._silence_s)
        if not ready:
            raise StreamEnded(f"expected more within {self._silence_s:g} s, got silence")
        data = os.read(self._source, size_bytes)
        self._pending += data
        return bool(data)
