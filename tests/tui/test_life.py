"""The console's own life: attaching, falling behind, coming back."""

import subprocess
import sys
from pathlib import Path

import pytest

from console.tui.app import SwarmApp
from console.tui.attachment import Attachment
from console.tui.themes import DEFAULT_THEME
from console.tui.view import Mode
from console.tui.widgets.block import Block
from console.tui.widgets.receipts import ReceiptsView
from runners.contract.states import Classification
from runners.records.clock import Clock
from runners.records.lock import FolderLock
from tests.observation import make_run
from tests.observation.recorded_journals import RUN_ID, Recording
from tests.patience import PATIENCE_S
from tests.tui.stage import Stage, press, settle, shown


async def test_the_newest_live_run_is_watched_from_the_start(healthy: Recording, tmp_path: Path) -> None:
    async with Stage.at(tmp_path / "runs", healthy, 12_000).opened() as pilot:
        assert "ACTIVE" in shown(pilot)


async def test_a_closed_run_is_not_reopened_by_itself(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.closed(tmp_path / "runs", healthy)
    async with stage.opened() as pilot:
        assert isinstance(pilot.app, SwarmApp)
        assert pilot.app.mode is Mode.IDLE
        assert "the last one: ✓ bounded success" in shown(pilot)


async def test_a_coordinator_that_began_since_the_last_look_is_not_called_dead(
    healthy: Recording, tmp_path: Path
) -> None:
    stage = Stage.empty(tmp_path / "runs")
    stage.recording, stage.run_dir = healthy, stage.runs_dir / RUN_ID
    folder = stage.run_dir / "mac" / "coordinator"
    folder.mkdir(parents=True)
    async with stage.app().run_test() as pilot:
        assert isinstance(pilot.app, SwarmApp)
        pilot.app.attach(stage.run_dir)
        await settle(pilot)
        assert "STARTING" in shown(pilot)
        stage.lock = FolderLock(folder)
        stage.lock.acquire()
        stage.play(4_000)
        await settle(pilot)
        assert "NO COORDINATOR" not in shown(pilot)
        stage.leave()


async def test_an_unknown_run_is_named(tmp_path: Path) -> None:
    async with Stage.empty(tmp_path / "runs").opened(run_id="nope") as pilot:
        assert "no run nope" in shown(pilot)


async def test_after_closing_the_result_and_what_to_do_next_stay(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 30_000)
    async with stage.opened(size=(160, 48)) as pilot:
        stage.finish(Classification.BOUNDED_SUCCESS, healthy.end_ms + 100)
        assert isinstance(pilot.app, SwarmApp)
        assert pilot.app.attachment is not None
        pilot.app.attachment._looked = float("-inf")  # a second passed since the last look at the lock
        await settle(pilot)
        text = shown(pilot)
    assert "✓ bounded success · promoted · publish refused" in text
    assert "base 4.498" in text
    assert "✓ 0.186 under base" in text
    assert "A audits" in text
    assert "4 and v verify it" in text
    assert "NOT LIVE" not in text


async def test_a_run_without_coordinator_says_how_to_go_on(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 12_000, alive=False)
    async with stage.opened(run_id=RUN_ID) as pilot:
        text = shown(pilot)
    assert "? NO COORDINATOR" in text
    assert "C continues the run" in text
    assert "C continue" in text
    assert "? NOT WATCHED" in text


async def test_a_late_frame_is_the_consoles_own_gap_and_no_hosts_fault(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 12_000)
    async with stage.opened() as pilot:
        stage.play(18_200)  # the console slept for six seconds; beats went on
        await settle(pilot)
        text = shown(pilot)
    assert "% OBSERVER GAP 6.2s" in text
    assert "● LIVE" in text
    assert "STALE" not in text


async def test_nothing_is_painted_when_nothing_changed(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.closed(tmp_path / "runs", healthy)
    async with stage.opened(run_id=RUN_ID) as pilot:
        app = pilot.app
        assert isinstance(app, SwarmApp)
        before = (app.frames, [block.painted_lines for block in app.screen.query(Block)])
        for _ in range(20):
            app.frame()
            await pilot.pause()
        assert (app.frames, [block.painted_lines for block in app.screen.query(Block)]) == before


async def test_only_the_lines_that_changed_are_painted(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 12_000)
    async with stage.opened() as pilot:
        hosts = pilot.app.screen.query_one("#hosts", Block)
        before = hosts.painted_lines
        stage.clock.now_ms += 100
        await settle(pilot)
        assert 0 < hosts.painted_lines - before <= 3  # the beat gauges


async def test_leaving_and_coming_back_shows_the_same_state(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 20_000)
    texts = []
    for _ in range(2):
        async with stage.opened() as pilot:
            texts.append(shown(pilot))
            await pilot.press("q")
    assert texts[0] == texts[1]


def test_a_thread_reads_while_the_frame_only_takes(tmp_path: Path) -> None:
    run_dir = tmp_path / RUN_ID
    make_run.write_long_run(run_dir, tmp_path, 3000)
    attachment = Attachment(run_dir, clock=Clock())
    try:
        taken = 0
        while taken <= 3000:
            taken += attachment.drain()
        assert attachment.ring.total == attachment.source.counters().read == attachment.state.records
    finally:
        attachment.close()


async def test_a_theme_changes_every_colour_and_no_character(healthy: Recording, tmp_path: Path) -> None:
    async with Stage.at(tmp_path / "runs", healthy, 12_000).opened() as pilot:
        assert isinstance(pilot.app, SwarmApp)
        assert pilot.app.theme == DEFAULT_THEME
        before = shown(pilot).split("\n")[:-1]
        await press(pilot, "t")
        assert pilot.app.theme != DEFAULT_THEME
        assert shown(pilot).split("\n")[:-1] == before


@pytest.mark.parametrize("size", [(79, 24), (80, 23), (20, 5), (3, 1)])
async def test_a_small_terminal_shows_the_facts_and_the_size_it_needs(
    size: tuple[int, int], healthy: Recording, tmp_path: Path
) -> None:
    async with Stage.at(tmp_path / "runs", healthy, 12_000).opened(size=size) as pilot:
        text = shown(pilot)
    if size[0] >= 20:
        assert "ACTIVE" in text
        assert "● LIVE" in text
        assert "needs 80x24" in text


async def test_a_small_terminal_says_when_what_it_shows_is_not_now(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 12_000)
    async with stage.opened(size=(160, 48)) as pilot:
        await press(pilot, "space")
        await pilot.resize_terminal(30, 5)
        await settle(pilot)
        assert "|| PAUSED +0" in shown(pilot)
        await pilot.resize_terminal(160, 48)
        await press(pilot, "space", "left_square_bracket")
        await pilot.resize_terminal(30, 5)
        await settle(pilot)
        text = shown(pilot)
    assert "<< NOT LIVE" in text
    assert "needs 80x24" in text


async def test_resizing_goes_through_every_layout(healthy: Recording, tmp_path: Path) -> None:
    async with Stage.at(tmp_path / "runs", healthy, 12_000).app().run_test() as pilot:
        for size in ((200, 60), (80, 24), (120, 30), (30, 8), (160, 48)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            lines = shown(pilot).split("\n")
            assert (len(lines[0]), len(lines)) == size
        assert pilot.app.screen.query_one(ReceiptsView).line_count() > 0


def test_starting_the_console_imports_nothing_heavy() -> None:
    code = (
        "import sys, console.tui.app; "
        "print([name for name in ('asyncssh', 'torch', 'mlx', 'numpy', 'safetensors') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert done.stdout.strip() == "[]"


async def test_a_place_that_was_left_comes_back_in_the_new_theme(healthy: Recording, tmp_path: Path) -> None:
    async with Stage.at(tmp_path / "runs", healthy, 12_000).app().run_test() as pilot:
        app = pilot.app
        assert isinstance(app, SwarmApp)
        for key in ("2", "1", "t", "2"):
            await press(pilot, key)
        grounds = {
            segment.style.bgcolor.name
            for strip in app.screen._compositor.render_strips()
            for segment in strip
            if segment.style is not None and segment.style.bgcolor is not None
        }
        palette = app.palette
        assert grounds <= {palette.ground, palette.bar, palette.cursor}
