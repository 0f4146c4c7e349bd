"""A run being watched: verified batches in, state and rows out. Textual knows nothing of it, nor it of Textual."""

from console.observation.fold import fold_all, fold_finding
from console.observation.receipts import Row, finding_row, place_of, row_of
from console.observation.source import Batch
from console.observation.state import State


class Observer:
    """Holds the newest state; every batch gives back its receipts."""

    def __init__(self) -> None:
        self.state = State()

    def take(self, batch: Batch) -> tuple[Row, ...]:
        self.state = fold_all(self.state, batch.lines)
        for finding in batch.findings:
            self.state = fold_finding(self.state, finding)
        rows = [row_of(line) for line in batch.lines]  # in order, as the lines are
        if batch.findings:
            rows = sorted((*rows, *(finding_row(finding) for finding in batch.findings)), key=place_of)
        return tuple(rows)
