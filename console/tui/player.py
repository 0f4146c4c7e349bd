"""The scrubber: a replay with a clock of its own, that stands, steps or runs."""

from console.observation.receipts import ReceiptRing
from console.observation.replay import Replay, Scene


class Player:
    """Moves within the run; `ring` holds the receipts until there."""

    def __init__(self, replay: Replay) -> None:
        self.replay = replay
        self.playing = False
        self.ring = ReceiptRing()
        self.scene: Scene = replay.at(replay.start_ms - 1)
        self._ran_ms: int | None = None
        self.go(replay.end_ms)

    @property
    def wall_ms(self) -> int:
        return self.scene.moment.now.wall_ms

    @property
    def share(self) -> float:
        length = self.replay.end_ms - self.replay.start_ms
        return (self.wall_ms - self.replay.start_ms) / length if length else 1.0

    def go(self, wall_ms: int) -> None:
        """To a moment, not past the ends."""
        before = self.scene.count
        self.scene = self.replay.at(max(self.replay.start_ms, min(wall_ms, self.replay.end_ms)))
        if self.scene.count < before:
            self.ring, before = ReceiptRing(), 0
        for row in self.replay.rows[before : self.scene.count]:
            self.ring.add(row)

    def step(self, ms: int) -> None:
        self.playing = False
        self.go(self.wall_ms + ms)

    def phase(self, step: int) -> None:
        self.playing = False
        self.go(self.replay.phase_from(self.wall_ms, step))

    def toggle(self) -> None:
        """Play, or stand. From the end it plays from the start."""
        if not self.playing and self.wall_ms >= self.replay.end_ms:
            self.go(self.replay.start_ms)
        self.playing, self._ran_ms = not self.playing, None

    def tick(self, mono_ms: int) -> None:
        """A frame at the console's clock: what passed there passes here."""
        before, self._ran_ms = self._ran_ms, mono_ms
        if self.playing and before is not None:
            self.go(self.wall_ms + mono_ms - before)
            self.playing = self.wall_ms < self.replay.end_ms
