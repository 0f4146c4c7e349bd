"""A run being watched: source, fold and receipts together. Textual knows nothing of it, nor it of Textual."""

from console.observation.fold import credit, fold, fold_finding
from console.observation.moment import Moment
from console.observation.receipts import ReceiptRing, finding_row, row_of
from console.observation.snapshot import Snapshot, snapshot
from console.observation.source import Batch
from console.observation.state import State


class Observer:
    """Takes verified batches in; gives frozen snapshots out."""

    def __init__(self, ring: ReceiptRing | None = None) -> None:
        self.state = State()
        self.ring = ring or ReceiptRing()

    def take(self, batch: Batch) -> None:
        for line in batch.lines:
            self.state = fold(self.state, line)
            self.ring.add(row_of(line))
        for finding in batch.findings:
            self.state = fold_finding(self.state, finding)
            self.ring.add(finding_row(finding))

    def credit(self, late_ms: int) -> None:
        """The watcher was late: no beat is older for that."""
        self.state = credit(self.state, late_ms)

    def snapshot(self, moment: Moment) -> Snapshot:
        return snapshot(self.state, moment, bad=self.ring.bad)
