"""Drills by key: counted down, begun, and told while they go on."""

from pathlib import Path

import pytest

from console.drills.strike import keep_strike
from console.tui.screens.countdown import LASTS_MS, Countdown
from tests.observation.recorded_journals import MONO_0, WALL_0, Recording
from tests.patience import meanwhile_until
from tests.tui.kept_acts import acts_of
from tests.tui.stage import Stage, press, settle, shown, until


async def test_a_drill_counts_down_and_esc_starts_nothing(tmp_path: Path) -> None:
    stage = Stage.empty(tmp_path / "runs")
    async with stage.app().run_test() as pilot:
        await pilot.press("f7")
        await pilot.pause()
        assert isinstance(pilot.app.screen, Countdown)
        await press(pilot, "escape")
        assert "was not started" in shown(pilot)
    assert (stage.acts.asked, acts_of(stage)) == ([], [])


async def test_a_drill_starts_when_its_three_seconds_are_over(tmp_path: Path) -> None:
    stage = Stage.empty(tmp_path / "runs")
    stage.acts.script = "print('[]')"
    async with stage.opened() as pilot:
        await pilot.press("f8")
        await pilot.pause()
        stage.clock.now_ms += LASTS_MS
        await meanwhile_until("the act's command", lambda: stage.acts.asked)
        await settle(pilot)
        assert "uneven worker speed" in shown(pilot)
    (words,) = stage.acts.asked
    assert words[:4] == ("drill", "uneven_worker_speed", "--lane", "loopback")
    (kept,) = acts_of(stage)
    assert (kept.act.act, kept.act.subject, kept.act.run_id) == ("drill", "uneven_worker_speed", words[5])
    async with stage.opened(size=(160, 48)) as pilot:
        assert "F8 drill uneven worker speed" in shown(pilot)


async def test_the_card_of_a_drill_fills_in_while_its_scratch_run_goes_on(stale: Recording, tmp_path: Path) -> None:
    stage = Stage.empty(tmp_path / "runs")
    stage.acts.script = "import time; time.sleep(60)"
    async with stage.app().run_test(size=(120, 48)) as pilot:
        await pilot.press("f5", "enter")
        await meanwhile_until("the act's command", lambda: stage.acts.asked)
        run_id = stage.acts.asked[0][5]
        stale.write(stage.runs_dir / run_id, until_ms=18_000)
        keep_strike(stage.runs_dir / run_id, "SIGSTOP to the runner", MONO_0 + 18_000, WALL_0 + 18_000)
        stale.write(stage.runs_dir / run_id, since_ms=18_000, until_ms=23_300)
        stage.clock.now_ms = 23_300
        await until(pilot, "✓ found stale")
        text = shown(pilot)
        assert "▲ STRUCK" in text
        assert "✓ found stale" in text
        assert "○ the run is closed" in text
        await press(pilot, "X", "y")
        await settle(pilot)


@pytest.mark.parametrize(("key", "stage_of_it"), [("f6", "FAULT IS IN PLACE"), ("f7", "STRIKE"), ("f8", "STRIKE")])
async def test_how_the_drill_that_goes_on_stands_is_in_view_where_lines_are_few(
    key: str, stage_of_it: str, stale: Recording, tmp_path: Path
) -> None:
    stage = Stage.empty(tmp_path / "runs")
    stage.acts.script = "import time; time.sleep(60)"
    async with stage.app().run_test(size=(80, 24)) as pilot:
        await pilot.press(key, "enter")
        await meanwhile_until("the act's command", lambda: stage.acts.asked)
        stale.write(stage.runs_dir / stage.acts.asked[0][5], until_ms=18_000)
        await until(pilot, stage_of_it)
        await until(pilot, "X cancels")  # the act's own line took one from the list
        await pilot.pause(0.2)
        assert stage_of_it in shown(pilot)
        await press(pilot, "X", "y")
        await settle(pilot)
