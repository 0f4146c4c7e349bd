"""Why an act would be refused, in a line, and what would enable it."""

from dataclasses import replace
from pathlib import Path

import pytest

from console.observation.sentence import REPLAYABLE
from console.observation.state import State
from console.tui.app import SwarmApp
from console.tui.bindings import all_bindings
from console.tui.drawing.text import width_of
from console.tui.key_names import KeyNames
from console.tui.keys import EVERYWHERE, shown_key
from console.tui.palette import commands
from console.tui.preconditions import REASONS, Standing, reason_against
from console.tui.view import Mode
from runners.contract.coordinator_records import Closed
from runners.contract.states import Classification
from tests.observation.recorded_journals import Recording
from tests.tui.kept_acts import acts_of
from tests.tui.stage import Stage, press, shown

MUTATING = tuple(sorted(REASONS))


@pytest.mark.parametrize("name", MUTATING)
def test_a_read_only_console_refuses_every_act_and_says_what_would_enable_it(name: str) -> None:
    assert reason_against(name, Standing(Mode.LIVE, read_only=True)) == (
        "this console only reads; `swarm console`, without --read-only, acts"
    )


def ended(how: Classification) -> State:
    return State(closed=Closed(classification=how, reason="so", heads=()))


REFUSED = (
        ("app.start", Standing(Mode.LIVE, run="a"), "the run is going on; x stops it first"),
        ("app.start", Standing(Mode.RETAINED, run="a", live="b"), "another run is going on and needs this machine; 5"),
        ("app.stop", Standing(Mode.IDLE), "g starts one"),
        ("app.stop", Standing(Mode.RETAINED, run="a", live="b"), "is not this one; 5 opens it"),
        ("app.stop", Standing(Mode.LEFT, run="a"), "C starts a new one"),
        ("app.continue", Standing(Mode.IDLE), "5 opens one"),
        ("app.continue", Standing(Mode.LIVE, run="a"), "the run has a coordinator, which goes on by itself"),
        ("app.continue", Standing(Mode.CLOSED, run="a"), "the run is over; g starts another run"),
        ("app.continue", Standing(Mode.LEFT, run="a", here=False), "only a run of this machine"),
        ("app.continue", Standing(Mode.LEFT, run="a", live="b"), "another run is going on and needs this machine; 5"),
        ("app.bring-up", Standing(Mode.LIVE, run="a", live="a"), "x stops it"),
        ("app.bring-up", Standing(Mode.IDLE, busy="drill loss"), "drill loss goes on; X cancels it"),
        ("drill.loss", Standing(Mode.IDLE, drill_problem="lane x: use --lane loopback"), "use --lane loopback"),
        ("app.replay", Standing(Mode.IDLE), "5 opens one"),
        ("app.replay", Standing(Mode.LIVE, run="a"), "the run is not over"),
        ("app.audit", Standing(Mode.LIVE, run="a"), "written when it closes"),
        ("app.publish", Standing(Mode.CLOSED, run="a", bundle=True), "no gate was asked"),
        ("app.acknowledge", Standing(Mode.IDLE), "no problem"),
        ("app.cancel", Standing(Mode.IDLE), "goes on"),
        ("app.start", Standing(Mode.RETAINED, replaying=True), ". goes back first"),
        ("drill.uneven", Standing(Mode.LIVE, run="a", live="a"), "x stops it"),
        ("drill.uneven", Standing(Mode.IDLE, live="a"), "5 opens it"),
        ("app.replay", Standing(Mode.RETAINED, run="a", here=False, state=ended(Classification.REPLAY_REQUIRED)),
         "only a run of this machine"),
        *(("app.replay", Standing(Mode.CLOSED, run="a", state=ended(how)), "only stale, lost, skewed")
          for how in Classification if how not in REPLAYABLE),
        *(("app.publish", Standing(Mode.CLOSED, run="a", bundle=True, state=ended(how)), "no gate was asked")
          for how in Classification),
)  # fmt: skip


@pytest.mark.parametrize(("name", "standing", "why"), REFUSED)
def test_a_reason_fits_into_the_line_at_the_bottom_of_80_columns(name: str, standing: Standing, why: str) -> None:
    binding = next(one for _, one in all_bindings() if one.id == name)
    a_long_name = replace(standing, run=standing.run and "loopback-drill-contributor-loss-1795803347650")
    for reason in (reason_against(name, one) for one in (standing, a_long_name)):
        assert width_of(f" × {shown_key(binding.key)} {binding.description}: {reason}") <= 80


@pytest.mark.parametrize(("name", "standing", "why"), REFUSED)
def test_a_refused_act_says_why_and_what_would_enable_it(name: str, standing: Standing, why: str) -> None:
    reason = reason_against(name, standing)
    assert reason is not None
    assert why in reason


def test_an_act_that_would_work_has_no_reason_against_it() -> None:
    free = Standing(Mode.IDLE, problem=True)
    assert [name for name in MUTATING if reason_against(name, free) is None] == [
        "app.acknowledge", "app.bring-up", "app.checks", "app.lane", "app.start",
        "drill.loss", "drill.stale", "drill.uneven", "drill.upload",
    ]  # fmt: skip
    assert State().closed is None


async def test_every_key_is_in_the_palette_and_in_help(tmp_path: Path) -> None:
    async with Stage.empty(tmp_path / "runs").opened(size=(160, 200)) as pilot:
        assert isinstance(pilot.app, SwarmApp)
        offered = {(command.title, command.help.split("  ")[-1]) for command in commands(pilot.app, pilot.app.screen)}
        titles = {title for title, _ in offered}
        assert {binding.description for _, binding in all_bindings()} <= titles
        await press(pilot, "question_mark")
        text = shown(pilot)
        assert [binding.id for _, binding in all_bindings() if KeyNames().told(binding.tooltip)[:40] not in text] == []


@pytest.mark.parametrize("key", [binding.key for binding in EVERYWHERE if binding.id in MUTATING])
async def test_a_read_only_console_starts_nothing_whatever_key_is_pressed(
    key: str, healthy: Recording, tmp_path: Path
) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 20_000)
    async with stage.opened(read_only=True) as pilot:
        await press(pilot, key)
        assert "read-only" in shown(pilot)
        assert (stage.acts.started, stage.acts.stopped, stage.acts.asked, acts_of(stage)) == (0, [], [], [])


async def test_a_key_that_was_remapped_tells_its_reason_under_the_new_key(tmp_path: Path) -> None:
    stage = Stage.empty(tmp_path / "runs")
    app = stage.app()
    app.set_keymap({"app.stop": "k"})
    async with app.run_test() as pilot:
        await press(pilot, "1")
        await press(pilot, "x")
        assert "no run is going on; g" not in shown(pilot).splitlines()[-1]
