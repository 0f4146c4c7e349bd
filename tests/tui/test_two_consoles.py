"""More than one console on a machine: what one of them does, the others know."""

from pathlib import Path

import pytest

from console.cli.errors import UsageError
from console.cli.free_machine import one_console_at_a_time, require_free_machine
from console.evidence.operator_acts import FOLDER
from console.hosts.endpoints import Endpoint
from console.hosts.ways import Way
from console.tui.app import SwarmApp
from console.tui.desk import OperatorDesk
from runners.contract.states import Classification
from runners.records.lock import FolderLock
from tests.observation.recorded_journals import WALL_0, Recording
from tests.tui.stage import Stage, press, settle, shown


async def test_beside_a_closed_run_it_is_said_that_another_goes_on_and_how_to_stop_it(
    healthy: Recording, tmp_path: Path
) -> None:
    stage = Stage.closed(tmp_path / "runs", healthy)
    coordinator = stage.runs_dir / "of-another-console" / "mac" / "coordinator"
    coordinator.mkdir(parents=True)
    async with stage.opened(size=(160, 48), run_id=healthy.run_id) as pilot:
        assert isinstance(pilot.app, SwarmApp)
        assert "ANOTHER LIVE" not in shown(pilot)
        with FolderLock(coordinator):
            await pilot.app.look_for_runs()
            await settle(pilot)
            assert "● ANOTHER LIVE" in shown(pilot)
            await press(pilot, "g")
            assert "another run is going on and needs this machine; 5 opens it" in shown(pilot)
            await press(pilot, "x")
            assert "the run that is going on is not this one; 5 opens it" in shown(pilot)


async def test_a_drill_that_counted_down_while_another_console_began_a_run_is_refused(
    healthy: Recording, tmp_path: Path
) -> None:
    stage = Stage.closed(tmp_path / "runs", healthy)
    coordinator = stage.runs_dir / "of-another-console" / "mac" / "coordinator"
    coordinator.mkdir(parents=True)
    async with stage.opened(size=(160, 48), run_id=healthy.run_id) as pilot:
        await pilot.press("f5")
        with FolderLock(coordinator):
            await press(pilot, "enter")
            assert "× drill stale worker: another run is going on" in shown(pilot)
        assert stage.acts.asked == []


def test_who_starts_a_run_looks_at_the_disk_and_not_at_a_list(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 4_000)
    with pytest.raises(UsageError, match=f"{healthy.run_id} was started meanwhile"):
        require_free_machine(stage.runs_dir, WALL_0)
    stage.finish(Classification.BOUNDED_SUCCESS, healthy.end_ms)
    require_free_machine(stage.runs_dir, WALL_0)


def test_a_run_whose_coordinator_is_not_up_yet_goes_on(tmp_path: Path) -> None:
    coordinator = tmp_path / "just-made" / "mac" / "coordinator"
    coordinator.mkdir(parents=True)
    now_ms = coordinator.stat().st_mtime_ns // 1_000_000
    with pytest.raises(UsageError, match="just-made was started meanwhile"):
        require_free_machine(tmp_path, now_ms + 1000)
    require_free_machine(tmp_path, now_ms + 60_000)  # it never came up


def test_two_consoles_take_turns(tmp_path: Path) -> None:
    with one_console_at_a_time(tmp_path), pytest.raises(UsageError, match="another console is starting"):  # noqa: SIM117
        with one_console_at_a_time(tmp_path):
            pass
    with one_console_at_a_time(tmp_path):
        pass


async def test_what_one_console_did_stands_in_the_log_of_the_other_without_a_restart(
    healthy: Recording, tmp_path: Path
) -> None:
    stage = Stage.closed(tmp_path / "runs", healthy)
    other = OperatorDesk(stage.acts, stage.runs_dir / FOLDER, stage.clock.clock())
    async with stage.opened(size=(160, 48), run_id=healthy.run_id) as pilot:
        assert isinstance(pilot.app, SwarmApp)
        assert "nothing was done at this machine's consoles yet" in shown(pilot)
        await other.acknowledge("ab" * 32, "a thing", healthy.run_id)
        await pilot.app.look_for_runs()
        await settle(pilot)
        assert "nothing was done at this machine's consoles yet" not in shown(pilot)
        assert "ab" * 32 in pilot.app.desk.acknowledged
        stage.clock.now_ms += 1000
        box = Endpoint("swarm-linux-a", "10.0.0.9", 34101, "settings", Way(), "the box below the desk")
        await other.choose_endpoint(box)
        pilot.app.desk.recall()
        assert [entry.what for entry in pilot.app.desk.entries][-1] == "use swarm-linux-a by the box below the desk"
        stage.clock.now_ms += 1000
        stage.acts.refusal = "no"
        await press(pilot, "g")
        assert [entry.what for entry in pilot.app.desk.entries][-1] == "go live on loopback"
        assert len(pilot.app.desk.entries) == 3
        other.recall()
        assert [entry.what for entry in other.entries][-1] == "go live on loopback"  # by the same words
