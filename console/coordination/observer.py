"""The coordinator watches its own clock, so that its lateness is never held against a host."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from console.coordination.state import SLOW_LOOP
from runners.records.clock import Clock

LATE_MS = 1000  # a tick this much later than planned is a gap worth a record
SUSPEND = "suspend"
SLEEPLESS = ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC_RAW", "CLOCK_MONOTONIC")


@dataclass(frozen=True)
class Gap:
    """`slow_loop` is lateness on the monotonic clock, and is credited; in a `suspend` that clock stood still."""

    gap_ms: int
    cause: str


def sleepless(clocks: Mapping[str, int]) -> int:
    """Which of a system's clocks counts on while the machine sleeps. CLOCK_BOOTTIME on Linux. On macOS, where
    `time.monotonic` stands still (it is mach_absolute_time), CLOCK_MONOTONIC and CLOCK_MONOTONIC_RAW count on; the
    second is the one that nobody adjusts either, so the two differ by sleep alone."""
    return next(clocks[name] for name in SLEEPLESS if name in clocks)


def _boot_ms() -> int:
    return time.clock_gettime_ns(sleepless(vars(time))) // 1_000_000


class ObserverClock:
    """`tick` is called once per turn of the loop."""

    def __init__(self, clock: Clock, *, tick_ms: int, boot_ms: Callable[[], int] = _boot_ms) -> None:
        self._clock = clock
        self._tick_ms = tick_ms
        self._boot_ms = boot_ms
        self._mono_ms = clock.mono_ms()
        self._asleep_ms = boot_ms() - self._mono_ms

    def tick(self) -> tuple[Gap, ...]:
        """What was missed since the last tick; both causes at once are two gaps."""
        now = self._clock.mono_ms()
        late = now - self._mono_ms - self._tick_ms
        asleep = self._boot_ms() - now
        slept = asleep - self._asleep_ms
        self._mono_ms, self._asleep_ms = now, asleep
        gaps = (Gap(slept, SUSPEND), Gap(late, SLOW_LOOP))
        return tuple(gap for gap in gaps if gap.gap_ms > LATE_MS)
