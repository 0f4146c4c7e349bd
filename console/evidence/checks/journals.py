"""Journals: one writer per file, one chain, one signature per line."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from console.evidence.checks.record_shapes import BODIES, RECORD
from console.evidence.checks.shapes import misfit
from console.evidence.checks.signatures import JOURNAL_PREFIX, signed_by, without
from console.evidence.checks.stored import MAX_LINE_BYTES, UnreadableError, canonical, parse, sha256_hex
from console.evidence.checks.verdict import Mismatch, shown

GENESIS = "0" * 64
NAME = re.compile(r"([a-z0-9][a-z0-9-]{0,63})\.(coordinator|contributor)\.r(0|[1-9]\d{0,5})\.e(0|[1-9]\d{0,5})\.jsonl")


@dataclass(frozen=True)
class Line:
    """A record whose spelling and shape hold. `end` is the offset past its LF, `sha256` that of its raw bytes."""

    record: dict[str, Any]
    end: int
    sha256: str
    file: str

    @property
    def kind(self) -> str:
        return str(self.record["kind"])

    @property
    def body(self) -> dict[str, Any]:
        return self.record["body"]  # type: ignore[no-any-return]

    @property
    def where(self) -> str:
        return f"journals/{self.file} seq {self.record['seq']}"


@dataclass(frozen=True)
class Journal:
    """Lines up to the first one that can't be read, which `problem` names."""

    file: str
    node_id: str
    role: str
    revision: int
    epoch: int
    size: int
    lines: tuple[Line, ...]
    problem: Mismatch | None

    @property
    def tail(self) -> str:
        return self.lines[-1].sha256 if self.lines else GENESIS

    def head_at(self, offset: int) -> tuple[str, int] | None:
        """Hash of the line that ends at `offset` and the number of lines up to there; None off a line's end."""
        if offset == 0:
            return GENESIS, 0
        return self._heads.get(offset)

    @cached_property
    def _heads(self) -> dict[int, tuple[str, int]]:
        return {line.end: (line.sha256, index + 1) for index, line in enumerate(self.lines)}


def read_journal(file: str, raw: bytes) -> Journal | None:
    """None when the name is not that of a journal."""
    named = NAME.fullmatch(file)
    if named is None:
        return None
    lines: list[Line] = []
    position, problem = 0, None
    while position < len(raw) and problem is None:
        end = raw.find(b"\n", position)
        where = f"journals/{file} at byte {position}"
        if end < 0:
            problem = Mismatch(where, "a line that ends in LF", f"{len(raw) - position} bytes without one")
            break
        read = _line(raw[position:end], end + 1, file, named[2], where)
        if isinstance(read, Line):
            lines.append(read)
        else:
            problem = read
        position = end + 1
    return Journal(file, named[1], named[2], int(named[3]), int(named[4]), len(raw), tuple(lines), problem)


def _line(raw: bytes, end: int, file: str, role: str, where: str) -> Line | Mismatch:
    try:
        body = parse(raw, limit=MAX_LINE_BYTES)
        if not isinstance(body, dict) or canonical(body) != raw:
            return Mismatch(where, "a record in canonical form", "another spelling")
    except UnreadableError as error:
        return Mismatch(where, error.expected, error.got)
    head = {name: value for name, value in body.items() if name != "body"}
    if wrong := misfit(RECORD, head, where):
        return wrong
    shape = BODIES[role].get(head["kind"])
    if shape is None:
        return Mismatch(where, f"a kind of record that a {role} writes", shown(head["kind"]))
    if wrong := misfit(shape, body.get("body"), f"{where} {head['kind']}"):
        return wrong
    return Line(body, end, sha256_hex(raw), file)


def is_signed(line: Line, public_hex: str) -> bool:
    return signed_by(public_hex, line.record["sig"], JOURNAL_PREFIX + without(line.record, "sig"))
