"""Place 4: what stops a window and what proves it, and the offline check beside it."""

import json
import shutil
from pathlib import Path

import pytest

from console.observation.facets import parse_filter
from console.tui.app import SwarmApp
from console.tui.screens.fixed import Record
from console.tui.verification import Verification
from console.tui.widgets.lines import FixedLines
from tests.observation.recorded_journals import RUN_ID, Recording
from tests.tui.stage import Stage, press, settle, shown


async def test_enter_on_a_stop_opens_the_record_that_proves_it(stale: Recording, tmp_path: Path) -> None:
    async with Stage.at(tmp_path / "runs", stale, 24_000).opened(size=(160, 48)) as pilot:
        await press(pilot, "4")
        lines = shown(pilot).split("\n")
        assert any("» REPLAY contributors present" in line for line in lines)
        assert any("swarm-linux-a is stale: no heartbeat, link up" in line for line in lines)
        view = pilot.app.screen.query_one(FixedLines)
        row = next(place for place in range(view.line_count()) if "REPLAY" in str(view.line(place, 100)))
        view.move_to(row)
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, Record)
        text = shown(pilot)
        assert "✓ digest  ✓ signature  ✓ chain" in text
        assert '"after": "stale"' in text


async def test_a_near_stop_shows_what_is_left_and_the_last_beat_behind_it(stale: Recording, tmp_path: Path) -> None:
    async with Stage.at(tmp_path / "runs", stale, 21_300).opened(size=(160, 48)) as pilot:
        await press(pilot, "4")
        text = shown(pilot)
    assert "▲ NEAR   contributors present" in text
    assert "s left" in text
    assert "swarm-linux-a.contributor.r1.e1.jsonl #" in text


async def test_checks_and_the_host_page_say_who_waits_for_whom_out_of_how_long(
    healthy: Recording, tmp_path: Path
) -> None:
    """In checks `enter` opens the record since which it is waited."""
    async with Stage.at(tmp_path / "runs", healthy, 19_500).opened(size=(80, 32)) as pilot:
        await press(pilot, "4")
        text = shown(pilot)
        assert text.count("swarm-mac-a waits for swarm-linux-a to be done · step 73 of 100") == 1  # of both, said once
        assert "2.7 s of 15 s, since 13:45:16Z" in text
        view = pilot.app.screen.query_one(FixedLines)
        view.move_to(next(at for at in range(view.line_count()) if "' waits for '" in str(view.line(at, 100))))
        await press(pilot, "enter")
        assert "record  produced" in shown(pilot)
        await press(pilot, "1", "H")
        assert "swarm-mac-a waits for swarm-linux-a to be done · step 73 of 100" in shown(pilot)


@pytest.mark.parametrize(
    ("logged", "said"),
    [(True, "it printed nothing"), (False, "its log is not kept here, and it journaled no trouble")],
)
async def test_of_a_closed_run_a_silent_runner_is_told_from_a_log_that_is_not_here(
    logged: bool, said: str, healthy: Recording, tmp_path: Path
) -> None:
    stage = Stage.closed(tmp_path / "runs", healthy)
    assert stage.run_dir is not None
    if logged:
        root = stage.run_dir / "mac" / "runner"
        root.mkdir()
        for name in ("swarm-mac-a.contributor.r0.e0.jsonl", "log-r0.txt"):
            (root / name).touch()
    async with stage.opened(run_id=RUN_ID, size=(80, 32)) as pilot:
        assert isinstance(pilot.app, SwarmApp)
        pilot.app.action_host(0)
        await settle(pilot)
        assert said in shown(pilot)


async def test_a_run_that_goes_on_has_no_bundle_to_verify_and_says_so(healthy: Recording, tmp_path: Path) -> None:
    async with Stage.at(tmp_path / "runs", healthy, 20_000).opened() as pilot:
        await press(pilot, "4", "v")
        assert "the run has no bundle yet; it is written when it closes" in shown(pilot)
        assert isinstance(pilot.app, SwarmApp)
        assert pilot.app.verifications == {}


async def test_v_verifies_in_a_process_and_shows_every_finding(healthy: Recording, tmp_path: Path) -> None:
    """The bundle of this recording is a sketch, so the real check must refuse it."""
    stage = Stage.closed(tmp_path / "runs", healthy)
    async with stage.opened(size=(160, 48), run_id=RUN_ID) as pilot:
        await press(pilot, "4", "v")
        text = shown(pilot)
    assert "✗ NOT verified:" in text
    assert "expected" in text
    assert "signer missing" in text


async def test_an_old_systems_bundle_is_verified_by_its_own_rules(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    (old / "first_swarm_real_run_bundle.json").write_text(
        json.dumps({"schema_version": "swarm.first_trusted_lan_real_run_bundle.v1", "run_id": "old"})
    )
    verified = await Verification(old).run()
    assert verified.kind == "psionic"
    assert verified.consistent is False
    assert verified.findings


async def test_a_folder_that_is_gone_is_a_finding_and_no_crash(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    shutil.rmtree(folder)
    verified = await Verification(folder).run()
    assert verified.over
    assert not verified.consistent


@pytest.mark.parametrize("code", ["import sys; print('{'); sys.exit(3)", "import sys; sys.exit('boom')"])
async def test_a_check_that_breaks_off_says_so(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {__import__("sys").executable} -c "{code}"\n')
    python.chmod(0o755)
    monkeypatch.setattr("console.tui.verification.sys.executable", str(python))
    verified = await Verification(tmp_path).run()
    assert verified.consistent is None
    assert "check" in verified.problem


async def test_beside_the_list_no_check_of_a_record_is_cut_however_long_its_kind(
    healthy: Recording, tmp_path: Path
) -> None:
    async with Stage.closed(tmp_path / "runs", healthy).opened(run_id=RUN_ID, size=(160, 48)) as pilot:
        assert isinstance(pilot.app, SwarmApp)
        pilot.app.set_filter(parse_filter("kind:contribution_judged"))
        await press(pilot, "2")
        assert "contribution_judged" in shown(pilot)
        assert "✓ digest  ✓ signature  ✓ chain" in shown(pilot)
