"""Every record as a row, the newest in memory, all of them counted."""

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

from console.observation.coordinator_tellings import COORDINATOR_TELLINGS
from console.observation.line import JournalFinding, Line, Proof, Ref
from console.observation.node_tellings import NODE_TELLINGS
from console.observation.plain import plain
from console.observation.telling import Telling, Tone
from runners.contract.canonical import sha256_hex

RING_ROWS = 10_000  # about 6 MB; of an older row memory keeps where its record lies
PROBLEMS = 500  # the newest ones, in hand
TROUBLE = frozenset({Tone.WARN, Tone.BAD})


class Row(NamedTuple):
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
        return self.tone in TROUBLE

    @property
    def identity(self) -> str:
        """The record's sha256; a finding about a journal has none of its own, so its words stand for it."""
        return self.sha256 or sha256_hex(self.text.encode())


def tell(line: Line) -> Telling:
    """One harmless line of text. A body that isn't what its kind promises is itself the news."""
    if line.body is None:
        return Telling(plain(f"body not as {line.kind} promises: {line.flaw}"), Tone.BAD)
    tellings = COORDINATOR_TELLINGS if line.role == "coordinator" else NODE_TELLINGS
    telling = tellings[line.kind](line.body)
    text = plain(telling.text)
    return telling if text is telling.text else Telling(text, telling.tone)


def row_of(line: Line) -> Row:
    text, tone = tell(line)
    kind = _plain_kind(line.kind)
    return Row(
        line.order_ms, line.at.wall_ms, line.node_id, line.role, kind, text, tone, line.ref, line.sha256, line.proof
    )


@lru_cache(maxsize=256)
def _plain_kind(kind: str) -> str:
    """There are few; a stranger may make up more."""
    return plain(kind, 32)


def finding_row(finding: JournalFinding) -> Row:
    node_id, role = finding.file.split(".")[:2]
    text = f"{finding.file} at byte {finding.offset}: {finding.what}"
    return Row(finding.wall_ms, finding.wall_ms, node_id, role, "not verified", text, Tone.BAD, None, "", None)


class Store(Protocol):
    """Where rows go that memory doesn't hold, in order."""

    def __len__(self) -> int: ...

    def extend(self, rows: Sequence[Row]) -> None: ...

    def glance(self, index: int) -> Row: ...

    def row(self, index: int) -> Row: ...

    def shape(self, index: int) -> int: ...

    def problem(self, start: int, step: int) -> int | None: ...


class Rows(Protocol):
    """What a list of receipts can be asked. `glance` may know a row without its text, and is cheap."""

    def __len__(self) -> int: ...

    def glance(self, index: int, /) -> Row: ...


class ReceiptRing:
    """Rows in order, oldest first: all of them where there is a store for the older ones, else the newest. `base`
    counts the rows that were dropped from the front."""

    def __init__(self, capacity: int = RING_ROWS, store: Store | None = None) -> None:
        self.capacity, self.store = capacity, store
        self.base = 0
        self.bad = 0
        self.late = array("Q")  # places, as `base` counts them, at which a row was put before others
        self.problems: deque[Row] = deque(maxlen=PROBLEMS)
        self._rows: list[Row] = []

    def __len__(self) -> int:
        return self.stored + len(self._rows)

    @property
    def stored(self) -> int:
        return len(self.store) if self.store is not None else 0

    @property
    def total(self) -> int:
        return self.base + len(self)

    def __getitem__(self, index: int) -> Row:
        if index < 0:
            index += len(self)
        if self.store is not None and index < self.stored:
            return self.store.row(index)
        return self._rows[index - self.stored]

    def glance(self, index: int) -> Row:
        if self.store is not None and index < self.stored:
            return self.store.glance(index)
        return self._rows[index - self.stored]

    def problem(self, start: int, step: int) -> int | None:
        """The first row of trouble from `start`, forwards (1) or backwards (-1)."""
        if self.store is not None and 0 <= start < self.stored:
            found = self.store.problem(start, step)
            return found if found is not None or step < 0 else self.problem(self.stored, step)
        for index in range(start, len(self) if step > 0 else self.stored - 1, step):
            if self._rows[index - self.stored].is_problem:
                return index
        return self.store.problem(self.stored - 1, -1) if self.store is not None and step < 0 else None

    @property
    def rows(self) -> Sequence[Row]:
        """What memory holds now: the newest. The ring's own list, so not to be kept."""
        return self._rows

    def add(self, row: Row) -> None:
        self.extend((row,))

    def extend(self, rows: Sequence[Row]) -> None:
        """Rows that are in order among themselves. Late ones find their place among the newest, so that the order
        doesn't depend on when we looked."""
        held = self._rows
        if held and rows and place_of(held[-1]) > place_of(rows[0]):
            place = bisect_right(held, place_of(rows[0]), key=place_of)
            self.late.append(self.base + self.stored + place)
            held[place:] = sorted((*held[place:], *rows), key=place_of)
        else:
            held += rows
        troubles = [row for row in rows if row.tone in TROUBLE]
        self.bad += sum(row.tone is Tone.BAD for row in troubles)
        self.problems += troubles
        if len(held) > self.capacity + self.capacity // 8:
            self._shed(len(self._rows) - self.capacity)

    def _shed(self, count: int) -> None:
        if self.store is None:
            self.base += count
        else:
            self.store.extend(self._rows[:count])
        del self._rows[:count]


def find(rows: Rows, start: int, step: int, wanted: Callable[[Row], bool]) -> int | None:
    """The first index from `start` in steps of `step` whose row is wanted, by what a glance tells of it."""
    index = start
    while 0 <= index < len(rows):
        if wanted(rows.glance(index)):
            return index
        index += step
    return None


def place_of(row: Row) -> tuple[int, bool, str, int]:
    """Rows of all journals are in this order."""
    file, seq = (row.ref.file, row.ref.seq) if row.ref else ("", 0)
    return (row.order_ms, row.role != "coordinator", file, seq)
