"""The receipts that a filter leaves of a ring, kept up as the ring grows."""

from console.observation.facets import Filter
from console.observation.receipts import ReceiptRing, Row


class Sifted:
    """Holds places of the ring and no rows. Without a filter it is the ring itself."""

    def __init__(self, ring: ReceiptRing, wanted: Filter) -> None:
        self.ring, self.filter = ring, wanted
        self._found: list[int] = []  # places counted from the first row that ever was
        self._seen = ring.base
        self._late = len(ring.late)

    def refresh(self) -> None:
        """Look at what is new. A row that came late moved others: from there on everything is looked at again."""
        ring = self.ring
        if not self.filter:
            return
        if ring.late[self._late :]:
            self._seen = min(self._seen, *ring.late[self._late :])
            self._late = len(ring.late)
        self._seen = max(self._seen, ring.base)
        self._found = [place for place in self._found if ring.base <= place < self._seen]
        new = self.filter.of(ring.rows, range(self._seen - ring.base, len(ring)))
        self._found += [ring.base + index for index in new]
        self._seen = ring.total

    def __len__(self) -> int:
        return len(self._found) if self.filter else len(self.ring)

    def __getitem__(self, index: int) -> Row:
        return self.ring[self._found[index] - self.ring.base] if self.filter else self.ring[index]

    @property
    def total(self) -> int:
        """How many were found, those counted that the ring no longer holds; grows when a row is added in the end."""
        return len(self._found) if self.filter else self.ring.total
