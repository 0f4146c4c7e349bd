"""The receipts that a filter leaves of a ring, kept up as the ring grows."""

import time
from bisect import bisect_left
from collections.abc import Callable

from console.observation.facets import Filter, Sieve
from console.observation.receipts import ReceiptRing, Row, find

BUDGET_S = 0.015  # of one look further back: a key never waits for longer
PIECE = 256


class Sifted:
    """Holds places of the ring and no rows. Without a filter it is the ring itself. What memory holds is looked through
    at once, what lies in the journals piece by piece, the newest first."""

    def __init__(self, ring: ReceiptRing, wanted: Filter, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.ring, self.filter = ring, wanted
        self._clock = clock
        self._sieve = Sieve(wanted)
        self._found: list[int] = []  # places counted from the first row that ever was, in order
        self._found_back = 0  # how many of them by looking back
        self._seen = ring.base + ring.stored
        self._back: list[tuple[int, int]] = [(ring.base, self._seen)] if ring.stored and wanted else []
        self._late = len(ring.late)

    def refresh(self) -> None:
        """Look at what is new. A row that came late moved others: from there on everything is looked at again."""
        ring = self.ring
        if not self.filter:
            return
        if ring.late[self._late :]:
            self._seen = min(self._seen, *ring.late[self._late :])
            self._late = len(ring.late)
        held = ring.base + ring.stored  # the first place in memory
        self._seen = max(self._seen, ring.base)
        self._found = self._found[bisect_left(self._found, ring.base) : bisect_left(self._found, self._seen)]
        self._found_back = min(self._found_back, len(self._found))
        if self._seen < held:  # more came at once than memory holds
            self._back.append((self._seen, held))
            self._seen = held
        new = self.filter.of(ring.rows, range(self._seen - held, len(ring.rows)))
        self._found += [held + index for index in new]
        self._seen = ring.total
        self.look_back()

    @property
    def looks_back(self) -> int:
        """How many rows were not looked at yet."""
        return sum(end - start for start, end in self._back)

    def look_back(self) -> bool:
        """Look through more of what the journals hold, for some milliseconds; True when something was left to do."""
        until, store = self._clock() + BUDGET_S, self.ring.store
        left = bool(self._back)
        while self._back and store is not None:
            start, end = self._back.pop()
            first = max(start, end - PIECE)
            if start < first:
                self._back.append((start, first))
            base = self.ring.base
            new = [place for place in range(first, end) if self._sieve.lets(store, place - base)]
            at = bisect_left(self._found, first)
            self._found[at:at] = new
            self._found_back += len(new)
            if self._clock() >= until:
                break
        return left

    def __len__(self) -> int:
        return len(self._found) if self.filter else len(self.ring)

    def __getitem__(self, index: int) -> Row:
        return self.ring[self._found[index] - self.ring.base] if self.filter else self.ring[index]

    def glance(self, index: int) -> Row:
        return self.ring.glance(self._found[index] - self.ring.base) if self.filter else self.ring.glance(index)

    def problem(self, start: int, step: int) -> int | None:
        """The first row of trouble from `start`, forwards (1) or backwards (-1)."""
        return find(self, start, step, lambda row: row.is_problem) if self.filter else self.ring.problem(start, step)

    @property
    def total(self) -> int:
        """How many were found, those counted that the ring no longer holds; grows when a row is added in the end."""
        return len(self._found) - self._found_back if self.filter else self.ring.total
