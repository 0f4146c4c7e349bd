"""A run that was read whole, at any moment of its own clock: the same fold as live, over the records until then."""

from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from console.observation.fold import fold_all, fold_finding
from console.observation.line import JournalFinding, Line, Stamp
from console.observation.moment import Moment
from console.observation.receipts import Row, row_of
from console.observation.source import RunSource
from console.observation.state import State
from runners.records.clock import Clock

EVERY = 256  # records between two kept states: a step back folds at most so many


@dataclass(frozen=True, slots=True)
class Scene:
    """What was known at a moment; `count` records had been written."""

    moment: Moment
    state: State
    count: int


class Replay:
    """`lines` in the order of their writing; `offset_ms` leads from the wall clock to the one that dates arrivals."""

    def __init__(self, lines: tuple[Line, ...], findings: tuple[JournalFinding, ...], offset_ms: int) -> None:
        self.lines, self.findings = lines, findings
        self.rows: tuple[Row, ...] = tuple(row_of(line) for line in lines)
        self.phases = tuple(line.order_ms for line in lines if line.kind == "window_changed")
        self._offset_ms = offset_ms
        self._times = [line.order_ms for line in lines]
        self._states = [State()]
        for start in range(0, len(lines) - EVERY + 1, EVERY):
            self._states.append(fold_all(self._states[-1], lines[start : start + EVERY]))

    @classmethod
    def read(cls, run_dir: Path, clock: Clock) -> "Replay":
        """Reads and verifies the run's journals again. Raises NotARun."""
        source = RunSource(run_dir, clock=clock)
        batch = source.read_all()
        return cls(batch.lines, batch.findings, clock.mono_ms() - clock.wall_ms())

    @property
    def start_ms(self) -> int:
        return self._times[0] if self._times else 0

    @property
    def end_ms(self) -> int:
        return self._times[-1] if self._times else 0

    def at(self, wall_ms: int) -> Scene:
        count = bisect_right(self._times, wall_ms)
        kept = min(count // EVERY, len(self._states) - 1)
        state = fold_all(self._states[kept], self.lines[kept * EVERY : count])
        if count == len(self.lines):
            for finding in self.findings:
                state = fold_finding(state, finding)
        # Nobody looks whether a coordinator lives: what is shown is not now.
        return Scene(Moment(Stamp(wall_ms, wall_ms + self._offset_ms), None), state, count)

    def phase_from(self, wall_ms: int, step: int) -> int:
        """The next change of the window's state in a direction; the ends of the run where there is none."""
        if step > 0:
            return next((at for at in self.phases if at > wall_ms), self.end_ms)
        return next((at for at in reversed(self.phases) if at < wall_ms), self.start_ms)
