"""Every record as a row, the newest in memory, all of them counted."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from console.observation.coordinator_tellings import COORDINATOR_TELLINGS
from console.observation.line import JournalFinding, Line, Proof, Ref
from console.observation.node_tellings import NODE_TELLINGS
from console.observation.plain import plain
from console.observation.telling import Telling, Tone
from runners.contract.canonical import sha256_hex

RING_ROWS = 100_000  # about 30 MB; older rows stay in the journals on disk
PROBLEMS = 500  # the newest ones, in hand


@dataclass(frozen=True, slots=True)
class Row:
    """`ref` is None for a finding about a journal itself."""

    order_ms: int
    wall_ms: int
    node_id: str
    role: str
    kind: str
    text: str
    tone: Tone
    ref: Ref | None
    sha256: str
    proof: Proof | None

    @property
    def is_problem(self) -> bool:
        return self.tone in (Tone.WARN, Tone.BAD)

    @property
    def identity(self) -> str:
        """The record's sha256; a finding about a journal has none of its own, so its words stand for it."""
        return self.sha256 or sha256_hex(self.text.encode())


def tell(line: Line) -> Telling:
    """One harmless line of text. A body that isn't what its kind promises is itself the news."""
    if line.body is None:
        return Telling(plain(f"body not as {line.kind} promises: {line.flaw}"), Tone.BAD)
    tellings = COORDINATOR_TELLINGS if line.from_coordinator else NODE_TELLINGS
    telling = tellings[line.kind](line.body)
    return Telling(plain(telling.text), telling.tone)


def row_of(line: Line) -> Row:
    telling = tell(line)
    return Row(
        line.order_ms,
        line.at.wall_ms,
        line.node_id,
        line.role,
        plain(line.kind, 32),
        telling.text,
        telling.tone,
        line.ref,
        line.sha256,
        line.proof,
    )


def finding_row(finding: JournalFinding) -> Row:
    node_id, role = finding.file.split(".")[:2]
    text = f"{finding.file} at byte {finding.offset}: {finding.what}"
    return Row(finding.wall_ms, finding.wall_ms, node_id, role, "not verified", text, Tone.BAD, None, "", None)


class Rows(Protocol):
    """What a list of receipts can be asked."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Row: ...


class ReceiptRing:
    """Rows in order, oldest first. `base` counts the rows that were dropped from the front."""

    def __init__(self, capacity: int = RING_ROWS) -> None:
        self.capacity = capacity
        self.base = 0
        self.bad = 0
        self.late: list[int] = []  # places, as `base` counts them, at which a row was put before others
        self.problems: deque[Row] = deque(maxlen=PROBLEMS)
        self._rows: list[Row] = []

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def total(self) -> int:
        return self.base + len(self._rows)

    def __getitem__(self, index: int) -> Row:
        return self._rows[index]

    @property
    def rows(self) -> Sequence[Row]:
        """What is held now; the ring's own list, so not to be kept."""
        return self._rows

    def add(self, row: Row) -> None:
        """Late rows find their place among the newest, so that the order doesn't depend on when we looked."""
        place = len(self._rows)
        while place and _after(self._rows[place - 1], row):
            place -= 1
        if place < len(self._rows):
            self.late.append(self.base + place)
        self._rows.insert(place, row)
        self.bad += row.tone is Tone.BAD
        if row.is_problem:
            self.problems.append(row)
        if len(self._rows) > self.capacity + self.capacity // 8:
            dropped = len(self._rows) - self.capacity
            del self._rows[:dropped]
            self.base += dropped


def find(rows: Rows, start: int, step: int, wanted: Callable[[Row], bool]) -> int | None:
    """The first index from `start` in steps of `step` whose row is wanted."""
    index = start
    while 0 <= index < len(rows):
        if wanted(rows[index]):
            return index
        index += step
    return None


def _after(one: Row, other: Row) -> bool:
    return _place(one) > _place(other)


def _place(row: Row) -> tuple[int, bool, str, int]:
    file, seq = (row.ref.file, row.ref.seq) if row.ref else ("", 0)
    return (row.order_ms, row.role != "coordinator", file, seq)
