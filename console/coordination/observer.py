"""The coordinator watches its own clock, so that its lateness is never held against a host."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from console.coordination.state import SLOW_LOOP
from runners.records.clock import Clock

LATE_MS = 1000  # a tick this much later than planned is a gap worth a record
SUSPEND = "suspend"


@dataclass(frozen=True)
class Gap:
    """`slow_loop` is lateness on the monotonic clock, and is credited; in a `suspend` that clock stood still."""

    gap_ms: int
    cause: str


def _boot_ms() -> int:
    """Counts on while the machine sleeps: CLOCK_BOOTTIME on Linux; on macOS CLOCK_MONOTONIC does, unlike
    `time.monotonic`."""
    boot = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(boot) // 1_000_000


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
