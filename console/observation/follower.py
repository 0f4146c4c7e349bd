"""One journal file on disk, followed at verified offsets.

A long journal is taken in two steps, so that reattaching shows the true state at once: every line is hashed into the
chain and the last lines are verified in full (a signature commits to the whole chain before it); the signatures in
between are then checked a few at a time by `prove`.
"""

import os
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import from_json

from console.evidence.kept_file import open_kept
from console.observation.line import Proof
from runners.contract.canonical import sha256_hex
from runners.contract.errors import BrokenChain, ContractError, MalformedBytes
from runners.contract.journal import MAX_LINE_BYTES, Head, Writer
from runners.records.errors import RecordsError
from runners.records.journal_file import JournalReader

CHUNK_BYTES = 192 * 1024  # some 350 lines: what memory holds of a part while it is taken is ten times as much
BULK_BYTES = 96 * 1024
STRICT_TAIL_LINES = 4  # of the last part; of one before it the last line, whose signature commits to all before it


_PLACE = itemgetter("run_id", "node_id", "role", "revision", "epoch", "seq", "prev")


class ReadLine(NamedTuple):
    """A line of the file, its parsed record and where it begins."""

    record: dict[str, Any]
    offset: int
    size: int
    sha256: str
    proof: Proof


class Follower:
    """Reads what is new since the last call. Once `broken` says why, the file is never read again."""

    def __init__(self, path: Path, writer: Writer, public_key: str) -> None:
        self.path = path
        self.broken: str | None = None
        self.proved_to = 0
        self.chained_left = 0
        self._reader = JournalReader(writer, public_key)
        self._prover: JournalReader | None = None
        self._prove_until = 0
        self._more = False

    @property
    def head(self) -> Head:
        return self._reader.head

    @property
    def has_more(self) -> bool:
        """Did the last read leave whole lines behind?"""
        return self._more and self.broken is None

    def read(self) -> list[ReadLine]:
        """The next complete lines, at most CHUNK_BYTES of them."""
        if self.broken is not None:
            return []
        try:
            data = self._new_bytes(self.head.offset, CHUNK_BYTES)
        except (RecordsError, OSError) as error:
            self.broken = str(error)
            return []
        self._more = len(data) == CHUNK_BYTES
        raws = data.split(b"\n")
        partial = raws.pop()
        lines = self._bulk(raws) if len(data) > BULK_BYTES else self._strict(raws)
        if self.broken is None and len(partial) > MAX_LINE_BYTES:
            self.broken = (
                f"expected a line of at most {MAX_LINE_BYTES} bytes, got {len(partial)} without a newline "
                f"at byte {self.head.offset}"
            )
        return lines

    def _new_bytes(self, offset: int, limit: int) -> bytes:
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return b""
        if size < self.head.offset:
            self.broken = f"expected at least the {self.head.offset} bytes verified before, got a file of {size}"
        if size <= offset:
            return b""
        fd = open_kept(self.path)
        try:
            return os.pread(fd, limit, offset)
        finally:
            os.close(fd)

    def _strict(self, raws: list[bytes]) -> list[ReadLine]:
        lines = []
        for raw in raws:
            offset = self.head.offset
            try:
                (verified,) = self._reader.feed(raw + b"\n")
            except ContractError as error:
                self.broken = str(error)
                break
            lines.append(ReadLine(verified.record.model_dump(), offset, len(raw), verified.head.sha256, Proof.SIGNED))
            if self._prover is None:
                self.proved_to = verified.head.offset
        return lines

    def _bulk(self, raws: list[bytes]) -> list[ReadLine]:
        """Chain all, verify the last lines; where that fails, the strict way finds the exact line."""
        start, strict = self.head, 1 if self._more else STRICT_TAIL_LINES
        try:
            chained, head = _chain(self._reader.writer, raws[:-strict], start)
        except (BrokenChain, MalformedBytes):
            return self._strict(raws)
        self._reader = JournalReader(self._reader.writer, self._reader.public_key, head=head)
        tail = self._strict(raws[len(chained) :])
        if not tail:
            self.broken = None
            self._reader = JournalReader(self._reader.writer, self._reader.public_key, head=start)
            return self._strict(raws)
        if self._prover is None and chained:
            self._prover = JournalReader(self._reader.writer, self._reader.public_key, head=start)
            self.proved_to = start.offset
        self._prove_until = self.head.offset
        self.chained_left += len(chained)
        return chained + tail

    def prove(self, lines: int) -> int:
        """Check the next `lines` signatures that were only chained; returns how many. Sets `broken` at a bad one."""
        if self._prover is None or self.broken is not None:
            return 0
        done = 0
        # The prover also walks tails that were verified at once, so `chained_left` is exact only when it ends.
        try:
            data = self._new_bytes(self._prover.head.offset, MAX_LINE_BYTES + lines * 1024)
            for raw in data.split(b"\n")[:-1][:lines]:
                if self._prover.head.offset >= self._prove_until:
                    break
                self._prover.feed(raw + b"\n")
                done += 1
        except (ContractError, RecordsError, OSError) as error:
            self.broken = str(error)
        self.proved_to = self._prover.head.offset
        self.chained_left = max(0, self.chained_left - done)
        if self.proved_to >= self._prove_until:
            self._prover, self.proved_to, self.chained_left = None, self.head.offset, 0
        return done


def _chain(writer: Writer, raws: list[bytes], head: Head) -> tuple[list[ReadLine], Head]:
    """Places in the chain only: writer, seq, prev. Raises BrokenChain or MalformedBytes."""
    own = (writer.run_id, writer.node_id, writer.role, writer.revision, writer.epoch)
    lines = []
    seq, digest, offset = head.next_seq, head.sha256, head.offset
    for raw in raws:
        try:
            record = from_json(raw)
            place = _PLACE(record)
            _ = (record["kind"] + "", record["wall_ms"] + 0, record["mono_ms"] + 0, record["body"])
        except (ValueError, KeyError, TypeError) as error:
            raise MalformedBytes(f"{head.file} at byte {offset}: expected a journal record, got {error}") from error
        if place != (*own, seq, digest) or len(raw) > MAX_LINE_BYTES:
            raise BrokenChain(f"{head.file} at byte {offset}: expected {(*own, seq, digest)}, got {place}")
        digest = sha256_hex(raw)
        lines.append(ReadLine(record, offset, len(raw), digest, Proof.CHAINED))
        seq, offset = seq + 1, offset + len(raw) + 1
    return lines, Head(file=head.file, offset=offset, sha256=digest, next_seq=seq)
