"""A run at another moment than now: the same fold, a clock of its own, and never mistaken for live."""

from pathlib import Path

import pytest

from console.observation.replay import EVERY, Replay
from console.tui.app import SwarmApp
from runners.records.clock import Clock
from tests.observation import make_run
from tests.observation.recorded_journals import MONO_0, RUN_ID, WALL_0, Recording
from tests.observation.watching import Watch
from tests.tui.stage import Stage, press, settle, shown


@pytest.mark.parametrize("at_ms", [600, 7_000, 12_000, 19_500, 24_950, 36_000])
def test_a_replayed_moment_is_the_moment_that_was_watched(
    at_ms: int, healthy: Recording, run_dir: Path, tmp_path: Path
) -> None:
    healthy.write(run_dir)
    late = Clock(lambda: WALL_0 + 900_000, lambda: MONO_0 + 900_000)
    scene = Replay.read(run_dir, late).at(WALL_0 + at_ms)
    watched = Watch(healthy.write(tmp_path / "then" / RUN_ID, until_ms=at_ms), now_ms=at_ms).poll()
    assert scene.state == watched.observer.state
    assert scene.count == len(watched.ring)


def test_a_long_replay_steps_back_to_what_a_fold_from_the_start_gives(run_dir: Path, tmp_path: Path) -> None:
    make_run.write_long_run(run_dir, tmp_path, 3 * EVERY)
    replay = Replay.read(run_dir, Clock())
    for at_ms in (replay.end_ms, replay.start_ms + 8_500, replay.start_ms + 9_000, replay.start_ms):
        scene = replay.at(at_ms)
        watch = Replay(replay.lines[: scene.count], (), 0)
        assert scene.state == watch.at(at_ms).state
        assert scene.count == sum(line.order_ms <= at_ms for line in replay.lines)


async def test_brackets_walk_through_the_run_and_say_not_live(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.closed(tmp_path / "runs", healthy)
    async with stage.opened(size=(160, 48), run_id=RUN_ID) as pilot:
        for _ in range(6):
            await press(pilot, "left_curly_bracket")
        text = shown(pilot)
        assert "<< NOT LIVE ‖" in text
        assert "bounded success" not in text
        app = pilot.app
        assert isinstance(app, SwarmApp)
        assert app.attachment is not None
        assert app.attachment.player is not None
        before = app.attachment.player.wall_ms
        await press(pilot, "right_square_bracket")
        assert app.attachment.player.wall_ms == before + 1000
        await press(pilot, "full_stop")
        assert app.attachment.player is None
        assert "bounded success" in shown(pilot)


async def test_a_replay_runs_on_the_consoles_clock_and_stands_at_the_end(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.closed(tmp_path / "runs", healthy)
    async with stage.opened(run_id=RUN_ID) as pilot:
        await press(pilot, *["left_curly_bracket"] * 4)
        app = pilot.app
        assert isinstance(app, SwarmApp)
        assert app.attachment is not None
        player = app.attachment.player
        assert player is not None
        before = player.wall_ms
        await press(pilot, "space")
        stage.clock.now_ms += 100
        await settle(pilot)
        assert player.wall_ms == before + 100
        stage.clock.now_ms += 60_000
        await settle(pilot)
        assert (player.wall_ms, player.playing) == (player.replay.end_ms, False)


async def test_the_past_of_a_live_run_can_be_seen_while_it_goes_on(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 19_000)
    async with stage.opened(size=(160, 48)) as pilot:
        await press(pilot, "left_square_bracket", "left_square_bracket")
        assert "<< NOT LIVE" in shown(pilot)
        await press(pilot, "x")
        assert "what you see is not now; . goes back first" in shown(pilot)
        await press(pilot, "full_stop")
        text = shown(pilot)
        assert "NOT LIVE" not in text
        assert "ACTIVE" in text
