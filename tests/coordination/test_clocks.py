"""Bounds on heartbeats and skew: when they are judged, what undoes them (nothing), and whose lateness counts."""

from dataclasses import replace

import pytest

from console.coordination.decide import decide
from console.coordination.fold import fold
from console.coordination.state import SLOW_LOOP
from runners.contract import coordinator_records as rec
from runners.contract.node_records import Failed
from runners.contract.states import Departure, Disposition, LinkState, RunnerState
from runners.contract.states import WindowState as W
from tests.coordination import window as win
from tests.coordination.window import Window


@pytest.mark.parametrize(("silence_ms", "runner"), [(5000, RunnerState.LIVE), (5001, RunnerState.STALE)])
def test_a_runner_is_stale_past_five_seconds_and_not_at_five(silence_ms: int, runner: RunnerState) -> None:
    w = Window(nodes=1).to_active()
    w.after(silence_ms)
    assert w.node("n0").runner is runner
    assert w.state.ended is (runner is RunnerState.STALE)


@pytest.mark.parametrize(("silence_ms", "runner"), [(7500, RunnerState.STALE), (7501, RunnerState.LOST)])
def test_a_stale_runner_is_lost_past_seven_and_a_half_seconds(silence_ms: int, runner: RunnerState) -> None:
    w = Window(nodes=1).to_active()
    w.after(5001)
    w.after(silence_ms - 5001)
    assert w.node("n0").runner is runner
    assert w.node("n0").departure is (Departure.TIMED_OUT if runner is RunnerState.LOST else None)


def test_the_run_waits_for_the_loss_bound_before_it_closes() -> None:
    w = Window(nodes=1).to_active()
    w.after(5001)
    assert w.state.exit is W.REPLAY_REQUIRED
    assert {c.kind for c in w.due} == {"check_alive"}
    w.after(2500)
    assert {c.kind for c in w.due} == {"release"}


def test_heartbeats_that_come_back_leave_the_revision_replay_required() -> None:
    w = Window().to_active()
    w.after(5001)
    w.say("n0", win.beat())
    w.say("n1", win.beat())
    assert [w.node(n).runner for n in w.ids] == [RunnerState.LIVE, RunnerState.LIVE]
    assert {w.node(n).disposition for n in w.ids} == {Disposition.REPLAY_REQUIRED}
    w.to_end()
    assert w.state.exit is W.REPLAY_REQUIRED


def test_late_work_of_a_stale_runner_is_noted_and_does_not_hold_the_run_open() -> None:
    w = Window(nodes=1).to_active()
    w.after(5001)
    w.say("n0", win.produced("n0"))
    assert w.node("n0").seen is not None
    w.to_end()
    assert w.state.exit is W.REPLAY_REQUIRED


def test_a_stale_runner_that_then_fails_does_not_hold_the_run_open() -> None:
    w = Window(nodes=1).to_active()
    w.after(5001)
    w.say("n0", Failed(reason="diverged", detail=""))
    w.to_end()
    assert w.state.exit is W.REPLAY_REQUIRED


def test_the_link_alone_makes_nobody_stale() -> None:
    w = Window(nodes=1).to_active()
    w.note(
        rec.LinkChanged(
            node_id="n0",
            state=LinkState.DOWN,
            reason="cable",
            endpoint="ssh://h:1",
            rtt_ms=None,
            host_key_fingerprint=None,
        )
    )
    w.after(5000)
    assert w.node("n0").runner is RunnerState.LIVE


def test_silence_while_preparing_has_the_preparing_bound_only() -> None:
    w = Window().to_preparing()
    w.after(300_000)
    assert not w.state.ended
    w.after(1)
    assert w.state.exit is W.ABORTED


@pytest.mark.parametrize(
    ("apart_ms", "outcomes"),
    [
        (0, ["within_bound"]),
        (15_000, ["within_bound"]),
        (15_001, ["past_bound_waiting", "wait_then_replay"]),
        (30_000, ["past_bound_waiting", "wait_then_replay"]),
    ],
)
def test_skew_is_judged_at_its_bound(apart_ms: int, outcomes: list[str]) -> None:
    w = Window().to_active()
    w.say("n1", win.produced("n1"))
    left = apart_ms
    while left > 0:
        w.say("n0", win.beat())
        w.after(min(left, 4000))
        left -= 4000
    w.say("n0", win.produced("n0"))
    measured = w.bodies(rec.SkewMeasured)
    assert [body.outcome for body in measured] == outcomes
    assert (
        (measured[-1].first, measured[-1].last, measured[-1].skew_ms) == ("n1", "n0", apart_ms)
        if apart_ms
        else ("n0", "n1", 0)
    )


def test_the_wait_ends_after_fifteen_more_seconds_and_the_slower_node_is_quarantined() -> None:
    w = Window().to_active()
    w.say("n0", win.produced("n0"))
    for _ in range(30):
        w.say("n1", win.beat())
        w.after(1000)
    assert not w.state.ended
    w.after(1)
    assert w.state.exit is W.WAIT_THEN_REPLAY
    assert w.node("n1").disposition is Disposition.QUARANTINED
    assert w.node("n0").disposition is Disposition.PENDING


def test_skew_once_past_its_bound_stays_past_it_after_a_restart() -> None:
    w = Window().to_active()
    w.say("n0", win.produced("n0"))
    for _ in range(16):
        w.say("n1", win.beat())
        w.after(1000)
    w.crash()
    w.say("n1", win.produced("n1"))
    assert w.state.exit is W.WAIT_THEN_REPLAY


def test_one_contributor_has_no_skew() -> None:
    w = Window(nodes=1).to_active()
    w.say("n0", win.produced("n0"))
    assert [body.outcome for body in w.bodies(rec.SkewMeasured)] == ["within_bound"]


# --- the coordinator's own lateness ----------------------------------------------------------------------------


def gap(ms: int, cause: str = SLOW_LOOP) -> rec.ObserverGap:
    return rec.ObserverGap(gap_ms=ms, cause=cause)


def test_the_coordinators_lateness_is_credited_to_every_heartbeat() -> None:
    w = Window().to_active()
    w.now += 20_000
    w.note(gap(19_900))
    assert w.settle() == []
    w.after(4900)
    assert not w.state.ended
    w.after(1)
    assert w.state.exit is W.REPLAY_REQUIRED


def test_a_credit_never_makes_a_heartbeat_younger_than_now() -> None:
    w = Window(nodes=1).to_active()
    w.now += 20_000
    w.say("n0", win.beat())
    w.note(gap(19_900))
    w.after(5001)
    assert w.node("n0").runner is RunnerState.STALE


def test_a_suspend_is_on_record_and_credits_nothing_because_our_clock_stood_still() -> None:
    w = Window(nodes=1).to_active()
    before = w.state
    after = fold(before, gap(60_000, "suspend"), w.now)
    assert replace(after, late_ms=0) == before
    assert after.late_ms == 60_000  # others went on meanwhile: their silence may be as long


def test_the_coordinators_lateness_is_not_skew() -> None:
    w = Window().to_active()
    w.say("n0", win.produced("n0"))
    w.now += 20_000
    w.note(gap(19_900))
    w.say("n1", win.produced("n1"))
    assert [body.outcome for body in w.bodies(rec.SkewMeasured)] == ["within_bound"]


def test_time_without_a_coordinator_is_not_skew() -> None:
    w = Window().to_active()
    w.say("n0", win.produced("n0"))
    w.now += 60_000
    w.crash()
    w.say("n1", win.produced("n1"))
    (measured,) = w.bodies(rec.SkewMeasured)
    assert (measured.outcome, measured.skew_ms) == ("within_bound", 0)


def test_a_restart_alone_is_no_heartbeat() -> None:
    """Stale before the crash, nothing heard since: it must not be called live."""
    w = Window(nodes=1).to_active()
    w.say("n0", win.beat())
    w.after(5001)
    w.now += 1000
    w.crash()
    w.settle()
    assert w.node("n0").runner is RunnerState.STALE
    w.after(2500)
    assert w.node("n0").runner is RunnerState.LOST


def test_a_crash_between_stale_and_its_verdict_does_not_undo_it() -> None:
    w = Window(nodes=1).to_active()
    w.now += 5001
    decision = decide(w.state, w.now)
    assert isinstance(decision, rec.RunnerChanged) and decision.after is RunnerState.STALE
    w.note(decision)
    w.crash()
    w.say("n0", win.beat())
    assert w.node("n0").disposition is Disposition.REPLAY_REQUIRED
    assert w.state.exit is W.REPLAY_REQUIRED
