"""The coordinator watches its own clock, so that its lateness is never held against a host."""

import time
from dataclasses import dataclass

from runners.records.clock import Clock

LATE_MS = 1000  # a tick this much later than planned is a gap worth a record


@dataclass(frozen=True)
class Gap:
    gap_ms: int
    credit_ms: int  # by how much every heartbeat's age is forgiven, on the monotonic clock
    cause: str


def _boot_ms() -> int:
    """Counts on while the machine sleeps, where there is such a clock; equal to the monotonic one elsewhere."""
    boot = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(boot) // 1_000_000


class ObserverClock:
    """`tick` is called once per turn of the loop."""

    def __init__(self, clock: Clock, *, tick_ms: int) -> None:
        self._clock = clock
        self._tick_ms = tick_ms
        self._mono_ms = clock.mono_ms()
        self._asleep_ms = _boot_ms() - self._mono_ms

    def tick(self) -> Gap | None:
        """A gap since the last tick: a slow loop (credited), or a suspend (the monotonic clock stood still)."""
        now = self._clock.mono_ms()
        late = now - self._mono_ms - self._tick_ms
        slept = _boot_ms() - now - self._asleep_ms
        self._mono_ms = now
        self._asleep_ms += slept
        if slept > LATE_MS:
            return Gap(slept + max(late, 0), max(late, 0), "suspend")
        if late > LATE_MS:
            return Gap(late, late, "slow_loop")
        return None
