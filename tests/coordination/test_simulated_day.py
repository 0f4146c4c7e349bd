"""A healthy day under the coordinator's own rules, on a clock that needs no day: nobody is ever called late."""

from dataclasses import dataclass, field
from random import Random

import pytest

from console.coordination.arrivals import arrive
from console.coordination.decide import decide
from console.coordination.fold import fold
from console.coordination.observer import ObserverClock
from runners.contract import coordinator_records as rec
from runners.contract.document import Word
from runners.contract.states import RunnerState
from runners.records.clock import Clock
from tests.coordination import window as win
from tests.coordination.window import POLICIES, Window

HOUR_MS = 3_600_000
TICK_MS = 100
WORST_LATE_MS = 1400  # healthy: a beat every second and never a gap of 2.5 s between two


@dataclass
class Day:
    """The engine's turn without its tasks: observe itself, take arrivals, decide, by the real rules and folds."""

    window: Window
    random: Random
    decided: list[Word] = field(default_factory=list)
    gaps: int = 0

    def __post_init__(self) -> None:
        self.asleep_ms = 0
        self.next_beat = dict.fromkeys(self.window.ids, self.window.now + 1)
        self.beats = dict.fromkeys(self.window.ids, 0)
        self.longest = dict.fromkeys(self.window.ids, 0)
        clock = Clock(mono_ms=lambda: self.window.now)
        self.observer = ObserverClock(clock, tick_ms=TICK_MS, boot_ms=lambda: self.window.now + self.asleep_ms)

    def live(self, until_ms: int, *, stalls: bool) -> None:
        while self.window.now < until_ms:
            self.window.now += self._turn(stalls=stalls)
            for gap in self.observer.tick():
                self.gaps += 1
                self._note(rec.ObserverGap(gap_ms=gap.gap_ms, cause=gap.cause))
            self._arrivals()
            while (decision := decide(self.window.state, self.window.now)) is not None:
                self.decided.append(decision)
                self._note(decision)

    def _note(self, body: Word) -> None:
        self.window.state = fold(self.window.state, body, self.window.now)

    def _turn(self, *, stalls: bool) -> int:
        """Mostly to the next tick of a second or so, where something may change; now and then much later."""
        if stalls and self.random.random() < 1 / 1200:
            if self.random.random() < 0.3:
                self.asleep_ms += self.random.randrange(1_000, 8 * HOUR_MS)  # its own clock stood still
                return TICK_MS
            return self.random.randrange(1_000, 30_000)
        return self.random.choice((TICK_MS, 5 * TICK_MS, 9 * TICK_MS))

    def _arrivals(self) -> None:
        """Each beat as it comes: late by its runner's load and the link's; none is made up for."""
        for node_id, due in self.next_beat.items():
            if self.window.now < due:
                continue
            self.beats[node_id] += 1
            record = win.line(node_id, win.beat(self.beats[node_id]), self.beats[node_id])
            at = self.window.now
            self.window.state, said = arrive(self.window.state, node_id, record, win.head(node_id, 3), at)
            assert said == ()
            late = self.random.randrange(WORST_LATE_MS) if self.random.random() < 0.05 else self.random.randrange(60)
            self.longest[node_id] = max(self.longest[node_id], 1000 + late)
            self.next_beat[node_id] = max(due + 1000, at - 1000) + late


def days(nodes: int, hours: float, seed: int, *, stalls: bool) -> Day:
    day = Day(Window(nodes).to_active(), Random(seed))
    day.live(day.window.now + int(hours * HOUR_MS), stalls=stalls)
    return day


def assert_quiet(day: Day, hours: float) -> None:
    assert day.decided == []
    assert {node.runner for node in day.window.state.nodes.values()} == {RunnerState.LIVE}
    assert not any(node.was_stale for node in day.window.state.nodes.values())
    assert min(day.beats.values()) > hours * 3600 * 0.7, "it was a day with beats"
    assert max(day.longest.values()) < 2500 < POLICIES.stale_ms


def test_a_healthy_hour_with_stalls_and_sleep_of_the_coordinator_has_no_alarm() -> None:
    day = days(2, 1, seed=1, stalls=True)
    assert day.gaps > 0, "it was late itself, and said so"
    assert_quiet(day, 1)


def test_the_same_hour_without_one_runner_has_its_alarm() -> None:
    """Else the day would prove nothing."""
    day = Day(Window(2).to_active(), Random(1))
    day.next_beat["n1"] += 2 * HOUR_MS
    day.live(day.window.now + 60_000, stalls=False)
    changed = [one for one in day.decided if isinstance(one, rec.RunnerChanged)]
    assert [(one.node_id, one.after) for one in changed][:2] == [
        ("n1", RunnerState.STALE), ("n1", RunnerState.LOST)]  # fmt: skip


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("nodes", [1, 2, 8])
@pytest.mark.parametrize("stalls", [False, True])
def test_a_healthy_day_has_no_alarm(nodes: int, stalls: bool) -> None:
    assert_quiet(days(nodes, 24, seed=nodes, stalls=stalls), 24)
