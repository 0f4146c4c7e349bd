"""What each kind of record changes, as a table; and that the order of reading changes nothing."""

from collections.abc import Callable
from functools import reduce
from pathlib import Path

import pytest

from console.observation.coordinator_fold import COORDINATOR_FOLDS
from console.observation.coordinator_tellings import COORDINATOR_TELLINGS
from console.observation.fold import fold, fold_all
from console.observation.line import Line
from console.observation.node_fold import NODE_FOLDS
from console.observation.node_tellings import NODE_TELLINGS
from console.observation.source import RunSource
from console.observation.state import Host, State
from console.places import data_dir
from runners.contract import coordinator_records as coord
from runners.contract import node_records as node
from runners.contract.document import Word
from runners.contract.states import (
    Phase,
    RunnerState,
    WindowState,
)
from tests.observation.lines import kind_of, line
from tests.observation.record_cases import CARD_READ, COORDINATOR_CASES, HEAD, NODE_CASES, linux
from tests.observation.recorded_journals import LINUX, MAC, Recording, sha
from tests.observation.watching import Watch


@pytest.mark.parametrize(("body", "look", "expected"), COORDINATOR_CASES, ids=lambda case: type(case).__name__)
def test_a_coordinators_record_changes_what_it_speaks_of(
    body: Word, look: Callable[[State], object], expected: object
) -> None:
    state = fold(State(hosts=(Host(MAC), Host(LINUX))), line(body, kind_of(body)))
    assert look(state) == expected
    if kind_of(body) != "window_opened":
        assert state.host(MAC) == Host(MAC)


def test_the_opening_of_the_window_says_that_every_runner_lives() -> None:
    state = fold(
        State(hosts=(Host(MAC), Host(LINUX))), line(coord.WindowOpened(begin_digest=sha("b")), "window_opened")
    )
    assert {host.runner.state for host in state.hosts} == {RunnerState.LIVE}


@pytest.mark.parametrize(("body", "look", "expected"), NODE_CASES, ids=lambda case: type(case).__name__)
def test_a_contributors_record_changes_only_what_it_says_of_itself(
    body: Word, look: Callable[[State], object], expected: object
) -> None:
    before = State(hosts=(Host(MAC), Host(LINUX)))
    state = fold(before, line(body, kind_of(body), role="contributor"))
    assert look(state) == expected
    assert state.host(MAC) == Host(MAC)
    assert linux(state).runner == Host(LINUX).runner


def test_every_kind_has_a_fold_and_a_telling() -> None:
    assert set(COORDINATOR_FOLDS) == set(COORDINATOR_TELLINGS) == set(coord.COORDINATOR_BODIES)
    assert set(NODE_FOLDS) == set(NODE_TELLINGS) == set(node.NODE_BODIES)


def test_a_body_that_is_not_what_its_kind_promises_changes_nothing_but_the_count() -> None:
    state = fold(State(), line(None, "window_changed"))
    assert (state.records, state.window) == (1, WindowState.PLANNED)


def test_a_new_revision_starts_afresh_and_an_older_process_is_not_heard_any_more() -> None:
    def beat(step: int, revision: int, epoch: int) -> Line:
        body = node.Heartbeat(
            beat=1,
            phase=Phase.TRAINING,
            step=step,
            steps=9,
            samples=1,
            loss=1.0 * step,
            step_ms=1.0,
            memory_bytes=1,
            memory_total_bytes=1,
        )
        return line(body, "heartbeat", role="contributor", revision=revision, epoch=epoch)

    state = fold_all(State(), [beat(5, 1, 1), beat(6, 1, 2), beat(1, 2, 1), beat(9, 1, 2)])
    assert (linux(state).work.step, linux(state).work.losses) == (1, (1.0,))


def test_only_the_device_that_is_ready_is_read_and_only_of_the_newest_process() -> None:
    def ready(label: str) -> Line:
        said = next(body for body, _, _ in NODE_CASES if isinstance(body, node.Ready))
        device = said.device.model_copy(update={"device_label": label})
        return line(said.model_copy(update={"device": device}), "ready", role="contributor")

    def read(label: str, epoch: int = 1) -> Line:
        body = CARD_READ.model_copy(update={"device_label": label})
        return line(body, "accelerator_read", role="contributor", epoch=epoch)

    def of(*lines: Line) -> str | None:
        told = linux(fold_all(State(), lines)).work.accelerator
        return None if told is None else told.device_label

    assert of(read("cuda:0"), ready("cuda:0")) == "cuda:0"
    assert of(read("cuda:1"), ready("cuda:0")) is None
    assert of(ready("cpu:0"), read("cuda:0")) is None
    assert of(ready("cuda:0"), read("cuda:0"), read("cuda:1")) == "cuda:0"
    assert of(read("cuda:0"), line(node.Log(level="info", text="again"), "log", role="contributor", epoch=2)) is None


def test_a_run_that_was_kept_before_cards_were_read_tells_nothing_of_its_card() -> None:
    """It can't be made again without a card; its lines are all signed, and every one still has a body."""
    lines = RunSource(data_dir("fixtures") / "swarm" / "runs" / "loopback-cuda-1").read_all().lines
    contributor = linux(fold_all(State(), lines))
    assert all(line.body is not None for line in lines)
    assert (contributor.work.device_label, contributor.work.accelerator) == ("cuda:0", None)


def test_a_new_launch_forgets_what_was_judged_in_the_revision_before() -> None:
    launched = coord.Launched(node_id=LINUX, revision=2, epoch=1, pid=4, process_started_ms=1, journal="a.jsonl")
    seen = coord.ContributionSeen(node_id=LINUX, manifest_digest=sha("m"), files=(), produced_wall_ms=1, head=HEAD)
    state = fold_all(State(), [line(seen, "contribution_seen"), line(launched, "launched", seq=1)])
    assert linux(state).seen is None


def test_folding_at_once_equals_folding_one_by_one(healthy: Recording, run_dir: Path) -> None:
    lines = Watch(healthy.write(run_dir), now_ms=healthy.end_ms).source.poll().lines
    assert fold_all(State(), lines) == reduce(fold, lines, State())


def test_of_many_log_lines_at_once_the_newest_are_kept_as_one_by_one() -> None:
    def said(seq: int, epoch: int) -> Line:
        body = node.Log(level="info", text=f"line {seq}")
        return line(body, "log", role="contributor", seq=seq, revision=1, epoch=epoch)

    lines = [said(seq, 1 if seq < 70 else 2) for seq in range(140)]
    assert fold_all(State(), lines) == reduce(fold, lines, State())
    assert linux(fold_all(State(), lines)).work.said[-1] == "line 139"


def test_the_order_in_which_journals_are_read_changes_nothing(healthy: Recording, run_dir: Path) -> None:
    lines = Watch(healthy.write(run_dir), now_ms=healthy.end_ms).source.poll().lines
    by_file = sorted(lines, key=lambda one: (not one.from_coordinator, one.ref.file, one.ref.seq))
    assert fold_all(State(), by_file) == fold_all(State(), lines)
