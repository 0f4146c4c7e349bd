"""A drill seen by somebody who only reads its scratch run: what is due, what came, and the report when it is there."""

from pathlib import Path

import pytest

from console.coordination.lane_file import load_lane
from console.drills.expectation import expectation
from console.drills.strike import STRIKE_FILE, keep_strike, read_strike
from console.drills.watched import WatchedDrill, last_reports, read_report
from console.tui.drawing.drills import drills
from console.tui.drill_board import DrillBoard
from console.tui.key_names import KeyNames
from runners.contract.errors import ContractError
from tests.observation import make_run
from tests.observation.recorded_journals import MONO_0, WALL_0, Recording

STRUCK_MS = 18_000


@pytest.fixture(scope="module")
def stale(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return make_run.stale(tmp_path_factory.mktemp("stale"))


def test_a_drill_waits_strikes_and_counts_towards_what_is_due(stale: Recording, tmp_path: Path) -> None:
    run_dir = tmp_path / "scratch"
    watched = WatchedDrill(run_dir, expectation(load_lane("loopback"), "stale_worker"))
    assert watched.look().stage == "starting"
    stale.write(run_dir, until_ms=STRUCK_MS)
    assert watched.look().stage == "waiting"
    keep_strike(run_dir, "SIGSTOP to the runner", MONO_0 + STRUCK_MS, WALL_0 + STRUCK_MS)
    stale.write(run_dir, since_ms=STRUCK_MS, until_ms=21_300)
    view = watched.look()
    assert (view.stage, view.fault) == ("struck", "SIGSTOP to the runner")
    assert view.due is not None
    assert (view.due.index, view.due.at_most_ms) == (0, 5750)
    assert view.due.origin_ms is not None
    assert view.due.origin_ms <= MONO_0 + 21_300
    stale.write(run_dir, since_ms=21_300, until_ms=23_300)
    view = watched.look()
    assert view.rows[0].seen is not None
    assert view.due is not None
    assert view.due.index > 0


def test_a_fault_that_is_set_before_the_run_is_in_place_and_waits_for_no_strike(
    stale: Recording, tmp_path: Path
) -> None:
    watched = WatchedDrill(tmp_path / "scratch", expectation(load_lane("loopback"), "another_shape"))
    stale.write(tmp_path / "scratch", until_ms=STRUCK_MS)
    view = watched.look()
    assert view.stage == "planted"
    assert view.due is not None


def test_a_run_without_a_report_has_no_verdict(stale: Recording, tmp_path: Path) -> None:
    stale.write(tmp_path / "scratch", until_ms=23_300)
    assert read_report(tmp_path / "scratch") is None
    assert last_reports(tmp_path) == {}


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"what": 3}'])
def test_a_strike_that_is_no_document_is_refused(body: str, tmp_path: Path) -> None:
    (tmp_path / STRIKE_FILE).write_text(body)
    with pytest.raises(ContractError):
        read_strike(tmp_path)


@pytest.mark.parametrize(("lane", "problem"), [("loopback", ""), ("first_swarm_trusted_lan", "use --lane loopback")])
def test_the_cards_say_what_each_drill_does_and_why_a_lane_cannot_be_drilled(
    lane: str, problem: str, tmp_path: Path
) -> None:
    board = DrillBoard(tmp_path)
    board.load(lane)
    assert problem in board.problem
    assert bool(board.problem) == bool(problem)
    rows, targets, owners = drills(board.cards, {}, KeyNames(), 0, 74)
    text = "\n".join("".join(part for part, _ in row) for row in rows)
    assert all(f"F{number} " in text for number in (5, 6, 7, 8))
    assert len(rows) == len(targets) == len(owners)
    if not problem:
        assert "5-5.75 s after last beat" in text
