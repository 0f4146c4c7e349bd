"""The coordinator's watch over its own clock, with clocks that a test sets."""

import time

import pytest

from console.coordination.observer import LATE_MS, Gap, ObserverClock, sleepless
from runners.records.clock import Clock


class Machine:
    """`mono` stands still while it sleeps, `boot` goes on."""

    def __init__(self) -> None:
        self.mono = 1_000_000
        self.boot = 7_000_000
        self.observer = ObserverClock(Clock(mono_ms=lambda: self.mono), tick_ms=100, boot_ms=lambda: self.boot)

    def work(self, ms: int) -> tuple[Gap, ...]:
        self.mono += ms
        self.boot += ms
        return self.observer.tick()

    def sleep(self, ms: int) -> None:
        self.boot += ms


def test_ticks_in_time_are_no_gap() -> None:
    machine = Machine()
    assert [machine.work(ms) for ms in (100, 0, 150, 100 + LATE_MS)] == [()] * 4


def test_a_late_tick_is_a_gap_of_its_lateness_once() -> None:
    machine = Machine()
    assert machine.work(4100) == (Gap(4000, "slow_loop"),)
    assert machine.work(100) == ()


def test_a_suspend_is_a_gap_of_its_own_kind_once() -> None:
    machine = Machine()
    machine.sleep(60_000)
    assert machine.work(100) == (Gap(60_000, "suspend"),)
    assert machine.work(100) == ()


def test_a_suspend_and_a_slow_loop_at_once_are_two_gaps() -> None:
    machine = Machine()
    machine.sleep(60_000)
    assert machine.work(3100) == (Gap(60_000, "suspend"), Gap(3000, "slow_loop"))


@pytest.mark.parametrize(
    ("system", "names", "clock"),
    [
        ("Linux", ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC", "CLOCK_MONOTONIC_RAW"), "CLOCK_BOOTTIME"),
        ("macOS", ("CLOCK_MONOTONIC", "CLOCK_MONOTONIC_RAW", "CLOCK_UPTIME_RAW"), "CLOCK_MONOTONIC_RAW"),
        ("another", ("CLOCK_MONOTONIC",), "CLOCK_MONOTONIC"),
    ],
)
def test_the_clock_that_counts_sleep_is_another_one_on_each_system(
    system: str, names: tuple[str, ...], clock: str
) -> None:
    """As clock_gettime(3) of each has it. On Linux CLOCK_MONOTONIC_RAW stands still with the machine."""
    numbers = {name: number for number, name in enumerate(names)}
    assert sleepless(numbers) == numbers[clock], system
    assert sleepless(vars(time)) in vars(time).values()
