"""A run watched on the recording's own clock."""

from dataclasses import dataclass, field
from pathlib import Path

from console.observation.line import Stamp
from console.observation.moment import Moment
from console.observation.observer import Observer
from console.observation.receipts import ReceiptRing
from console.observation.snapshot import Snapshot, snapshot
from console.observation.source import RunSource
from runners.records.clock import Clock
from tests.observation.recorded_journals import MONO_0, WALL_0


@dataclass
class Watch:
    """`poll` reads what is new at `now_ms`; `shot` is the snapshot of then."""

    run_dir: Path
    now_ms: int = 0
    ring: ReceiptRing = field(default_factory=ReceiptRing)
    observer: Observer = field(default_factory=Observer)

    def __post_init__(self) -> None:
        clock = Clock(lambda: WALL_0 + self.now_ms, lambda: MONO_0 + self.now_ms)
        self.source = RunSource(self.run_dir, clock=clock)

    def poll(self, now_ms: int | None = None) -> "Watch":
        self.now_ms = self.now_ms if now_ms is None else now_ms
        for row in self.observer.take(self.source.read_all()):
            self.ring.add(row)
        return self

    def shot(self, *, alive: bool | None = True) -> Snapshot:
        moment = Moment(Stamp(WALL_0 + self.now_ms, MONO_0 + self.now_ms), alive)
        return snapshot(self.observer.state, moment, bad=self.ring.bad)


def told(shot: Snapshot) -> str:
    return "".join(text for text, _ in shot.sentence)
