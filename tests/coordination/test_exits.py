"""However a window ends: one classification, `closed` last, nothing left undecided."""

from typing import NamedTuple

import pytest

from console.coordination.decide import decide
from console.coordination.due import Command
from console.evidence.checks.window_moves import CAUSES, MOVES, VERDICT_CAUSES
from runners.contract import coordinator_records as rec
from runners.contract.states import Classification, Departure, Disposition, ReplayOutcome, RunnerState
from runners.contract.states import WindowState as W
from tests.coordination import window as win
from tests.coordination.exits import EXITS, dead, silent
from tests.coordination.window import H, Window


class Ending(NamedTuple):
    """A window in which it has just happened, and how it must end."""

    w: Window
    exit_state: W
    verdict: Classification


@pytest.fixture(params=EXITS, ids=[happens.__name__ for happens, _, _ in EXITS])
def ending(request: pytest.FixtureRequest) -> Ending:
    happens, exit_state, verdict = request.param
    w = Window()
    happens(w)
    w.settle()
    return Ending(w, exit_state, verdict)


def assert_ended(w: Window, exit_state: W, verdict: Classification) -> None:
    assert (w.state.exit, w.state.classification) == (exit_state, verdict)
    kinds = [record.kind for record in w.past]
    assert kinds.count("closed") == 1 and kinds[-1] == "closed"
    assert decide(w.state, w.now + 10**9) is None
    assert w.due == frozenset()
    moves = w.bodies(rec.WindowChanged)
    assert all(move.after.value in MOVES[move.before.value] for move in moves)
    assert [move.before for move in moves[1:]] == [move.after for move in moves[:-1]]
    said = [(record.kind, record.body) for record in w.past]
    for causes in (CAUSES.get(exit_state.value, ()), VERDICT_CAUSES.get(verdict.value, ())):
        assert not causes or any(
            kind == wanted and (name is None or body[name] in values)
            for wanted, name, values in causes
            for kind, body in said
        )


def test_a_window_that_ends_so_closes_with_one_verdict(ending: Ending) -> None:
    ending.w.to_end()
    assert_ended(*ending)


def test_a_stop_after_the_end_changes_nothing_about_the_verdict(ending: Ending) -> None:
    if not ending.w.state.closed:
        ending.w.stop()
    ending.w.to_end()
    assert_ended(*ending)


def test_troubles_after_the_end_are_evidence_and_no_reason(ending: Ending) -> None:
    w = ending.w
    dispositions = {node_id: w.node(node_id).disposition for node_id in w.ids}
    if not w.state.closed:
        w.note(rec.WorkFailed(activity="check_alive/n0", detail="late"))
        w.note(rec.ContributorFailed(node_id="n0", reason="late", detail="", head=win.head("n0", 0)))
        w.note(rec.JournalBroken(node_id="n0", reason="late", detail="", head=win.head("n0", 0)))
        assert dispositions == {node_id: w.node(node_id).disposition for node_id in w.ids}
    w.to_end()
    assert_ended(*ending)


def test_whether_a_replay_is_possible_is_said_once_where_one_is_asked_for_and_nowhere_else(ending: Ending) -> None:
    w, exit_state, verdict = ending
    w.to_end()
    said = w.bodies(rec.ReplayOutlook)
    assert len(said) == (exit_state in (W.REPLAY_REQUIRED, W.WAIT_THEN_REPLAY))
    for outlook in said:
        assert outlook.possible == (verdict in (Classification.REPLAY_REQUIRED, Classification.WAIT_THEN_REPLAY))
        assert bool(outlook.findings) != outlook.possible
        kinds = [record.kind for record in w.past]
        assert max(i for i, kind in enumerate(kinds) if kind == "released") < kinds.index("replay_outlook")


def _stopped_at(w: Window, stage: int) -> None:
    w.do_all(*("inputs", "admit_host", "bind_plan", "prepare_host")[:stage])
    if stage >= 5:
        for node_id in w.ids:
            w.say(node_id, win.ready())
        w.do_all("open_window")
    if stage >= 6:
        for node_id in w.ids:
            w.say(node_id, win.BEGAN)
    if stage >= 7:
        w.say("n0", win.produced("n0"))
    if stage >= 8:
        w.say("n1", win.produced("n1"))
    w.do_all(*("fetch", "replay", "merge", "score")[: max(0, stage - 8)])


@pytest.mark.parametrize("stage", range(13))
def test_the_operator_can_stop_in_every_state(stage: int) -> None:
    w = Window()
    _stopped_at(w, stage)
    before = w.window
    w.stop("enough")
    assert w.state.exit is W.ABORTED, before
    may_run = [node_id for node_id in w.ids if w.node(node_id).may_run and not w.node(node_id).released]
    assert {c for c in w.due if c.kind == "release"} == {Command("release", node_id) for node_id in may_run}
    w.to_end()
    assert_ended(w, W.ABORTED, Classification.STOPPED_BY_OPERATOR)


def test_a_contribution_that_was_rejected_stays_so_when_its_journal_breaks_later() -> None:
    """Found by random orders: the other contributor's replay was still awaited when the fork came."""
    w = Window().to_validating()
    w.note(win.replay("n0", ReplayOutcome.MISMATCH))
    w.settle()
    w.note(rec.JournalBroken(node_id="n0", reason="fork", detail="", head=win.head("n0", 0)))
    w.settle()
    assert w.node("n0").disposition is Disposition.REJECTED
    assert w.to_end().state.classification is Classification.REJECTED


def test_a_runner_whose_launch_is_not_on_record_is_ended_all_the_same() -> None:
    w = Window()
    w.do_all("inputs", "admit_host", "bind_plan")
    w.note(rec.Shipped(node_id="n0", archive_sha256=H, size_bytes=1, reused=False))
    w.stop()
    assert not w.state.closed
    assert w.due == {Command("release", "n0")}


def test_a_runner_that_could_not_be_ended_is_not_called_exited() -> None:
    w = Window().to_active()
    w.stop()
    for node_id in w.ids:
        w.note(rec.Released(node_id=node_id, proven_dead=False, detail="host gone"))
    w.settle()
    assert w.state.classification is Classification.STOPPED_BY_OPERATOR
    assert {w.node(node_id).runner for node_id in w.ids} == {RunnerState.LIVE}


def test_two_troubles_at_once_give_the_verdict_that_the_reason_names() -> None:
    w = Window().to_active()
    w.note(rec.ContributorFailed(node_id="n0", reason="diverged", detail="", head=win.head("n0", 1)))
    w.note(rec.WorkFailed(activity="fetch/n1", detail="disk full"))
    w.settle()
    w.to_end()
    assert w.state.reason.startswith("fetch/n1_failed")
    assert_ended(w, W.ABORTED, Classification.FAILED_VALIDATION)


def test_the_lost_node_is_named_by_what_is_proven() -> None:
    crashed, silent_one = Window(), Window()
    dead(crashed)
    crashed.settle()
    silent(silent_one)
    assert crashed.node("n1").departure is Departure.CRASHED
    assert silent_one.node("n1").departure is Departure.TIMED_OUT
    assert crashed.node("n1").disposition is Disposition.REPLAY_REQUIRED
