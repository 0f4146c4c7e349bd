"""Journals written as any writer could write them, true or not, with signatures that hold."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runners.contract.canonical import canonical_bytes, sha256_hex
from runners.contract.journal import GENESIS, Head, Writer, signed_bytes
from runners.records.keys import SigningKey

WALL_ZERO = 1_790_000_000_000


@dataclass
class Said:
    """A record before it is written. `mono_ms` is the writer's clock; the wall clock follows from it."""

    kind: str
    body: dict[str, Any]
    mono_ms: int

    @property
    def wall_ms(self) -> int:
        return WALL_ZERO + self.mono_ms


@dataclass
class ForgedJournal:
    """Raw lines without LF, as signed."""

    file: str
    lines: list[bytes]
    records: list[Said]

    def to_bytes(self) -> bytes:
        return b"".join(line + b"\n" for line in self.lines)

    def head_after(self, count: int) -> Head:
        done = self.lines[:count]
        return Head(
            file=self.file,
            offset=sum(len(line) + 1 for line in done),
            sha256=sha256_hex(done[-1]) if done else GENESIS,
            next_seq=count,
        )

    def head_at(self, kind: str) -> Head:
        """After the first record of a kind; the end where there is none."""
        kinds = [record.kind for record in self.records]
        return self.head_after(kinds.index(kind) + 1 if kind in kinds else len(self.lines))


LineEdit = Callable[[dict[str, Any]], None]


def write_journal(
    writer: Writer, records: list[Said], key: SigningKey, edit_line: LineEdit | None = None
) -> ForgedJournal:
    """Chained and signed. `edit_line` may change a record before it is signed, so that only its sense is wrong."""
    lines: list[bytes] = []
    previous = GENESIS
    for seq, said in enumerate(records):
        unsigned: dict[str, Any] = {
            "schema_version": "swarm.journal_record.v1",
            **writer.to_json(),
            "seq": seq,
            "kind": said.kind,
            "wall_ms": said.wall_ms,
            "mono_ms": said.mono_ms,
            "body": said.body,
            "prev": previous,
        }
        if edit_line is not None:
            edit_line(unsigned)
        raw = canonical_bytes({**unsigned, "sig": key.sign(signed_bytes(unsigned))})
        lines.append(raw)
        previous = sha256_hex(raw)
    return ForgedJournal(writer.file_name, lines, records)
