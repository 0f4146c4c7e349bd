"""A host's journal, followed by pull: read, verified, mirrored, and only then told."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from console.hosts.errors import FileAbsent, LinkDown
from console.hosts.host import Host
from console.hosts.mirror import Mirror
from runners.contract.errors import BrokenChain, ContractError, MalformedBytes
from runners.contract.journal import MAX_LINE_BYTES, Head, JournalRecord, Writer
from runners.records.journal_file import JournalReader, VerifiedLine

READ_BYTES = 256 * 1024
READS_PER_POLL = 4  # then others get their turn
# A journal of more is read by no checker; this one's disk is not its writer's to fill. A day of beats takes 90 MiB.
MAX_MIRROR_BYTES = 256 * 1024 * 1024

Admit = Callable[[JournalRecord], None]


def admit_all(_: JournalRecord) -> None:
    """For whoever follows a journal without a use for its content."""


class JournalFollower:
    """Lines come once, in order, durable in the mirror before they are told.

    Each read starts at the last verified line, which must still be there, byte for byte: that shows a truncated or
    rewritten journal at once. A line still being written is read again as a whole the next time, so a torn tail
    that its writer cuts leaves nothing behind here.
    """

    def __init__(
        self, host: Host, writer: Writer, public_key: str, mirror_path: Path, *, admit: Admit = admit_all
    ) -> None:
        """`admit` raises ContractError for a record that must not get into the mirror.

        Raises BrokenChain, MalformedBytes or BadSignature where the mirror's own bytes were changed."""
        self._admit = admit
        self._host = host
        self._mirror = Mirror(mirror_path, writer, public_key)
        self._writer = writer
        self._public_key = public_key
        self._untold: list[VerifiedLine] = []
        self._last_raw = self.restored[-1].raw + b"\n" if self.restored else b""
        self._broken: ContractError | None = None

    @property
    def restored(self) -> tuple[VerifiedLine, ...]:
        """Lines that the mirror held at the start; `poll` does not tell them again."""
        return self._mirror.restored

    @property
    def head(self) -> Head:
        """How far the journal is verified and mirrored; also what stands after an error."""
        return self._mirror.head

    async def poll(self) -> list[VerifiedLine]:
        """New lines; none while the link is down or the file isn't there yet.

        Raises MalformedBytes, BrokenChain or BadSignature, for good, once the good lines before the bad one are told.
        """
        for _ in range(READS_PER_POLL):
            data = await self._read() if self._broken is None else None
            if data is None:
                break
            self._take(data)
            if len(data) < READ_BYTES:
                break
        if self._broken is not None and not self._untold:
            raise self._broken
        # Cancelled in a read, the lines of the reads before it are told by the next call.
        told, self._untold = self._untold, []
        return told

    async def follow(self, *, every_s: float = 0.25) -> AsyncGenerator[VerifiedLine]:
        """Lines as they come, without end."""
        while True:
            for line in await self.poll():
                yield line
            await asyncio.sleep(every_s)

    async def _read(self) -> bytes | None:
        """From the start of the last verified line; None while the link is down."""
        name, offset = self.head.file, self.head.offset - len(self._last_raw)
        try:
            return await self._host.read_at(name, offset, READ_BYTES)
        except LinkDown:
            return None
        except FileAbsent:
            return b""

    def _take(self, data: bytes) -> None:
        """Verify, mirror and queue the whole lines of `data`; the first bad one ends this journal."""
        head = self.head
        if not data.startswith(self._last_raw):
            got = "a shorter file" if self._last_raw.startswith(data) else "other bytes"
            self._broken = BrokenChain(
                f"{head.file}: expected the verified line that ends at byte {head.offset} (seq {head.next_seq - 1}) "
                f"to stay as it was, got {got}"
            )
            return
        *whole, torn = data[len(self._last_raw) :].split(b"\n")
        lines = self._verify(whole)
        if lines:
            self._mirror.append(lines)
            self._last_raw = lines[-1].raw + b"\n"
            self._untold += lines
        if len(torn) > MAX_LINE_BYTES and self._broken is None:
            self._broken = MalformedBytes(
                f"{head.file} at byte {self.head.offset}: expected a line of at most {MAX_LINE_BYTES} bytes, "
                f"got {len(torn)} without a newline"
            )

    def _verify(self, whole: list[bytes]) -> list[VerifiedLine]:
        reader = JournalReader(self._writer, self._public_key, head=self.head)
        lines: list[VerifiedLine] = []
        size = self.head.offset
        for raw in whole:
            size += len(raw) + 1
            try:
                if size > MAX_MIRROR_BYTES:
                    raise MalformedBytes(
                        f"{self.head.file}: expected a journal of at most {MAX_MIRROR_BYTES} bytes, got more"
                    )
                read = reader.feed(raw + b"\n")
                for line in read:
                    self._admit(line.record)
                lines += read
            except ContractError as error:
                self._broken = error
                break
        return lines

    def close(self) -> None:
        self._mirror.close()
