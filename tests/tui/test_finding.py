"""How somebody who has never seen it finds what happened: from the start screen, from the keys, at any width."""

import re
from pathlib import Path

import pytest

from console.tui.screens.fixed import Record
from console.tui.widgets.receipts import ReceiptsView
from runners.contract.states import Classification
from tests.observation.recorded_journals import RUN_ID, Recording
from tests.tui.stage import Stage, press, settle, shown


def stopped(runs_dir: Path, stale: Recording) -> Stage:
    stage = Stage.at(runs_dir, stale, 0)
    stage.finish(Classification.REPLAY_REQUIRED, stale.end_ms + 100)
    return stage


async def test_the_start_screen_says_how_the_last_run_ended_and_e_opens_the_proof(
    stale: Recording, tmp_path: Path
) -> None:
    async with stopped(tmp_path / "runs", stale).app().run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "no run is going on · the last one: ✗ replay required · e shows the proof" in shown(pilot)
        assert RUN_ID in shown(pilot)
        await pilot.press("e")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Record)
        assert "record  runner_changed #" in shown(pilot)


async def test_a_last_run_that_nobody_runs_any_more_says_how_to_go_on(stale: Recording, tmp_path: Path) -> None:
    async with Stage.at(tmp_path / "runs", stale, 19_000, alive=False).app().run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        assert "? NO COORDINATOR" in shown(pilot)
        assert "nobody runs it any more: 5 opens it, C then goes on with it" in shown(pilot)


async def test_n_goes_to_what_the_stop_rests_on_and_from_there_to_others(stale: Recording, tmp_path: Path) -> None:
    async with stopped(tmp_path / "runs", stale).app(run_id=RUN_ID).run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        receipts = pilot.app.screen.query_one(ReceiptsView)
        newest = receipts.chosen
        await pilot.press("n")
        await settle(pilot)
        cause = receipts.chosen
        assert newest is not None and cause is not None
        assert (newest.kind, cause.kind) == ("closed", "runner_changed")
        (marked,) = [line for line in shown(pilot).splitlines() if " e #" in line]
        assert f" e #{cause.ref and cause.ref.seq}" in marked
        await pilot.press("N")
        await settle(pilot)
        later = receipts.chosen
        assert later is not None and later.is_problem and later.order_ms >= cause.order_ms and later is not cause


@pytest.mark.parametrize("width", [80, 90, 100, 120, 160])
async def test_at_every_width_the_way_to_the_proof_and_the_keys_stay(
    width: int, stale: Recording, tmp_path: Path
) -> None:
    async with stopped(tmp_path / "runs", stale).app(run_id=RUN_ID).run_test(size=(width, 40)) as pilot:
        await settle(pilot)
        _, sentence, *_, keys = shown(pilot).splitlines()
        assert " · e shows the proof" in sentence
        assert "? help q leave" in keys
        assert "…" not in keys


async def test_a_record_is_named_by_its_number_and_its_journal(stale: Recording, tmp_path: Path) -> None:
    async with stopped(tmp_path / "runs", stale).app(run_id=RUN_ID).run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)
        assert re.search(r"lies at   #\d+ of swarm-mac-a\.coordinator[.\w]*\.jsonl @ byte \d+", shown(pilot))


async def test_what_was_given_stands_before_the_runs_of_this_machine(stale: Recording, tmp_path: Path) -> None:
    given = stopped(tmp_path / "elsewhere", stale)
    here = Stage.empty(tmp_path / "runs")
    (here.runs_dir / "newer" / "mac" / "coordinator").mkdir(parents=True)
    assert given.run_dir is not None
    bundle = given.run_dir / "bundle"
    async with here.app(given=(bundle,), kept_folders=(given.runs_dir,), place="viewer").run_test() as pilot:
        await settle(pilot)
        lines = [line for line in shown(pilot).splitlines() if RUN_ID in line or "newer" in line]
        assert [RUN_ID in line for line in lines] == [True, False]  # once, though it lies in two of the folders


async def test_the_keys_of_receipts_work_whatever_panel_has_the_focus(stale: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", stale, 24_000)
    async with stage.opened(size=(160, 48)) as pilot:
        receipts = pilot.app.screen.query_one(ReceiptsView)
        pilot.app.screen.query_one("#hosts").focus()
        await press(pilot, "n")
        assert receipts.has_focus
        assert receipts.chosen is not None
        assert receipts.chosen.is_problem
        pilot.app.screen.query_one("#stops").focus()
        await press(pilot, "slash", *"beat")
        assert "receipts  / beat" in shown(pilot)
