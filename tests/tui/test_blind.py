"""What can't be seen any more is not shown as if it were now."""

import shutil
from pathlib import Path

from textual.pilot import Pilot

from console.observation.last_word import no_next
from console.tui.app import SwarmApp
from runners.contract.errors import MalformedBytes
from tests.observation.recorded_journals import Recording
from tests.tui.stage import Stage, press, settle, shown


def app_of(pilot: Pilot[None]) -> SwarmApp:
    assert isinstance(pilot.app, SwarmApp)
    return pilot.app


def coordinator_of(stage: Stage) -> Path:
    assert stage.run_dir is not None
    return stage.run_dir / "mac" / "coordinator"


async def test_a_live_run_whose_folder_is_gone_stands_still_and_says_so(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 12_000)
    async with stage.opened(size=(160, 48)) as pilot:
        assert stage.run_dir is not None
        stage.run_dir.rename(tmp_path / "elsewhere")
        await settle(pilot)
        stage.clock.now_ms += 9_000
        await settle(pilot)
        assert "? NO DATA 9.0 s" in shown(pilot)
        assert "nothing of this run can be read for 9.0 s" in shown(pilot)
        assert "its folder is gone" in shown(pilot)
        assert "NO BEAT" not in shown(pilot)  # that is nobody's fault there
        (tmp_path / "elsewhere").rename(stage.run_dir)
        await settle(pilot)
        assert "NO DATA" not in shown(pilot)


async def test_a_run_whose_coordinators_journal_breaks_off_is_not_said_to_go_on_as_before(
    healthy: Recording, tmp_path: Path
) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 12_000)
    async with stage.opened(size=(160, 48)) as pilot:
        (journal,) = (coordinator_of(stage) / "journals").iterdir()
        journal.write_bytes(journal.read_bytes()[:-100])
        await settle(pilot)
        assert "the coordinator's journal breaks off: " in shown(pilot)
        assert "n shows where" in shown(pilot)
        assert "? NO DATA" in shown(pilot)
        assert "hosts train" not in shown(pilot)


async def test_a_coordinator_that_ended_says_why_and_where_its_log_is(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 12_000, alive=False)
    log = coordinator_of(stage) / "log.txt"
    log.write_text("coordinator of r: pid 7\nTraceback (most recent call last):\nOSError: No space left on device\n")
    async with stage.opened(size=(160, 48)) as pilot:
        assert stage.run_dir is not None
        app_of(pilot).attach(stage.run_dir)
        await settle(pilot)
        assert "no coordinator is alive" in shown(pilot)
        assert "OSError: No space left on device · C continues the run · o shows its log" in shown(pilot)


async def test_where_no_coordinator_can_go_on_nobody_is_told_that_one_would(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 12_000, alive=False)
    word = no_next(healthy.run_id, MalformedBytes("expected JSON, got a torn line"))
    (coordinator_of(stage) / "log.txt").write_text(f"coordinator of r: pid 7\n{word}\n")
    async with stage.opened(size=(160, 48)) as pilot:
        assert stage.run_dir is not None
        app_of(pilot).attach(stage.run_dir)
        await settle(pilot)
        assert "no coordinator can go on: MalformedBytes: expected JSON, got a torn line · o shows" in shown(pilot)
        assert "C continues the run" not in shown(pilot)


async def test_of_a_coordinator_that_was_killed_the_log_has_no_word(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 12_000, alive=False)
    (coordinator_of(stage) / "log.txt").write_text("coordinator of r: pid 7\n")
    async with stage.opened(size=(160, 48)) as pilot:
        assert stage.run_dir is not None
        app_of(pilot).attach(stage.run_dir)
        await settle(pilot)
        assert "no coordinator is alive" in shown(pilot)
        assert "pid 7" not in shown(pilot)


async def test_a_closed_run_whose_folder_is_gone_has_no_bundle_that_is_being_written(
    healthy: Recording, tmp_path: Path
) -> None:
    stage = Stage.closed(tmp_path / "runs", healthy)
    async with stage.opened(size=(160, 48), run_id=healthy.run_id) as pilot:
        assert stage.run_dir is not None
        shutil.rmtree(stage.run_dir)
        await settle(pilot)
        stage.clock.now_ms += 5_000
        await settle(pilot)
        assert "✓ bounded success" in shown(pilot)  # it was verified when it was read
        assert "being written" not in shown(pilot)
        await press(pilot, "4", "v")
        assert "× verify: its folder is gone" in shown(pilot)
        assert "it is written when the run closes" not in shown(pilot)
