"""Time as a parameter."""

import time
from collections.abc import Callable
from dataclasses import dataclass


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _mono_ms() -> int:
    return time.monotonic_ns() // 1_000_000


@dataclass(frozen=True)
class Clock:
    """`wall_ms` is for people and never decides; `mono_ms` decides."""

    wall_ms: Callable[[], int] = _wall_ms
    mono_ms: Callable[[], int] = _mono_ms

    def anchored(self) -> "Clock":
        """Wall time read once, now, and counted on by the other clock: its moments keep their order and their
        distances, whatever somebody sets the wall clock to meanwhile."""
        wall_ms, mono_ms = self.wall_ms(), self.mono_ms()
        return Clock(lambda: wall_ms + self.mono_ms() - mono_ms, self.mono_ms)
