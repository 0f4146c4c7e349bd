"""A healthy window, step by step, and what a restarted coordinator makes of the same records."""

import pytest

from console.coordination.arrivals import arrive
from console.coordination.due import Command
from console.coordination.state import NodeState, RunState
from runners.contract import coordinator_records as rec
from runners.contract.journal import JournalRecord
from runners.contract.states import Classification, ReplayOutcome
from runners.contract.states import WindowState as W
from tests.coordination import window as win
from tests.coordination.window import Window

WALK = [W.PLANNED, W.ADMITTING, W.PREPARING, W.ACTIVE, W.COLLECTING, W.SEALED, W.VALIDATING, W.VALIDATED, W.AGGREGATED]


def kinds(w: Window) -> set[str]:
    return {command.kind for command in w.due}


@pytest.mark.parametrize("nodes", range(1, 9))
def test_a_healthy_window_walks_to_promoted_and_closes(nodes: int) -> None:
    w = Window(nodes).to_validating()
    w.do_all("replay", "merge", "score", "promote", "release")
    assert w.state.closed
    moves = w.bodies(rec.WindowChanged)
    assert [moves[0].before, *(move.after for move in moves)] == [*WALK, W.PROMOTED, W.CLOSED]
    assert w.state.classification is Classification.BOUNDED_SUCCESS


def test_each_stage_asks_for_its_own_work_and_nothing_else() -> None:
    w = Window()
    assert kinds(w) == {"inputs", "admit_host"}
    w.do(Command("admit_host", "n0"))
    assert w.due == {Command("inputs"), Command("admit_host", "n1")}
    w.do_all("inputs", "admit_host")
    assert kinds(w) == {"bind_plan"}
    w.do_all("bind_plan")
    assert kinds(w) == {"prepare_host"}
    w.do_all("prepare_host")
    assert kinds(w) == set()
    for node_id in w.ids:
        w.say(node_id, win.ready())
    assert kinds(w) == {"open_window"}
    w.do_all("open_window")
    assert w.due == {Command("begin", "n0"), Command("begin", "n1")}
    w.say("n0", win.BEGAN)
    assert w.due == {Command("begin", "n1")}
    w.say("n1", win.BEGAN)
    w.say("n0", win.produced("n0"))
    assert w.due == {Command("fetch", "n0")}
    w.say("n1", win.produced("n1"))
    w.do_all("fetch")
    assert kinds(w) == {"replay", "release"}
    w.do_all("replay", "release")
    assert kinds(w) == {"merge"}
    w.do_all("merge")
    assert kinds(w) == {"score"}
    w.do_all("score")
    assert kinds(w) == {"promote"}


def test_the_clocks_start_when_the_last_node_is_ready() -> None:
    w = Window().to_preparing()
    w.say("n0", win.ready())
    assert w.due == frozenset()
    w.after(100_000)
    assert not w.state.ended
    w.say("n1", win.ready())
    w.do_all("open_window")
    assert w.window is W.ACTIVE
    w.after(5000)
    assert not w.state.ended


@pytest.mark.parametrize("missing", ["submission", "replay", "acceptance"])
def test_nothing_is_aggregated_before_every_role_is_received_and_replayed(missing: str) -> None:
    w = Window(3)
    if missing == "submission":
        w.to_active()
        for node_id in w.ids:
            w.say(node_id, win.produced(node_id))
        for node_id in ("n0", "n1"):
            w.do(Command("fetch", node_id))
    else:
        w.to_validating()
        for node_id in ("n0", "n1"):
            w.do(Command("replay", node_id))
        if missing == "acceptance":
            w.note(win.replay("n2", ReplayOutcome.MISMATCH))
            w.settle()
    assert "merge" not in kinds(w)
    w.after(10)
    assert not w.bodies(rec.Merged)


def test_a_doubtful_runner_is_asked_for_after_two_beats() -> None:
    w = Window(nodes=1).to_active()
    w.after(2000)
    assert kinds(w) == set()
    w.after(1)
    assert w.due == {Command("check_alive", "n0")}


# --- the same records again ------------------------------------------------------------------------------------

MEMORY_ONLY = ("head", "last_beat_ms", "launched_at_ms", "seen_at_ms", "proven_dead", "exited")


def known(state: RunState) -> object:
    def of(node: NodeState) -> dict[str, object]:
        return {name: value for name, value in vars(node).items() if name not in MEMORY_ONLY}

    own = {name: value for name, value in vars(state).items() if name != "nodes"}
    return own, {node_id: of(node) for node_id, node in state.nodes.items()}


def whole_run(*, ends_badly: bool) -> Window:
    w = Window().to_active()
    w.say("n0", win.beat())
    if ends_badly:
        w.say("n0", win.produced("n0"))
        w.after(5001)
        w.say("n1", win.beat())
        return w.to_end()
    for node_id in w.ids:
        w.say(node_id, win.produced(node_id))
    w.do_all("fetch", "replay", "merge", "score", "promote", "release")
    return w


@pytest.mark.parametrize("ends_badly", [False, True])
def test_a_coordinator_killed_after_any_record_knows_the_same_and_asks_for_the_same(ends_badly: bool) -> None:
    """Cut after every record: the lines that contributors had said by then are in the mirrors."""
    records = whole_run(ends_badly=ends_badly).past
    for count in range(1, len(records) + 1):
        w = whole_run(ends_badly=ends_badly)
        w.past, w.state = w.past[:count], RunState()
        said = _said_by(w, count)
        before = Window.__new__(Window)
        before.__dict__.update(vars(w) | {"past": list(w.past), "said": said, "epoch": 0})
        if any(record.kind == "closed" for record in w.past):
            continue
        before.crash()
        once, asked = known(before.state), before.due
        before.crash()
        assert (known(before.state), before.due) == (once, asked), f"after {records[count - 1].kind}"


def _said_by(w: Window, count: int) -> dict[str, list[JournalRecord]]:
    """Only what the coordinator can have had in its mirrors when it wrote record `count`."""
    kinds = {(record.kind, record.body.get("node_id")) for record in w.past[:count]}
    said = {}
    for node_id, lines in w.said.items():
        if ("launched", node_id) not in kinds:
            continue
        opened = any(kind == "window_opened" for kind, _ in kinds)
        last = {"began": opened, "heartbeat": opened, "produced": ("contribution_seen", node_id) in kinds}
        said[node_id] = [line for line in lines if last.get(line.kind, True)]
    return said


@pytest.mark.parametrize("ends_badly", [False, True])
def test_the_same_lines_arriving_twice_are_nothing_new(ends_badly: bool) -> None:
    w = whole_run(ends_badly=ends_badly)
    for node_id, lines in w.said.items():
        for record in lines:
            w.state, records = arrive(w.state, node_id, record, win.head(node_id, record.seq), w.now)
            assert records == ()


def test_a_bad_line_arriving_twice_breaks_the_journal_once() -> None:
    w = Window().to_active()
    w.say("n1", None, kind="surprise")
    w.say("n1", None, kind="surprise")
    assert len(w.bodies(rec.JournalBroken)) == 1


def test_a_closed_run_restored_is_closed() -> None:
    from console.coordination.restore import restored

    w = whole_run(ends_badly=False)
    again = restored(w.past, 5)
    assert (again.classification, again.closed) == (w.state.classification, True)
