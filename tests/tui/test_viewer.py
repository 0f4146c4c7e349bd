"""Runs that were kept: what they say, whether it holds, everything that lies in them, and two of them side by side."""

import json
import shutil
from pathlib import Path

import pytest

from console.cli.view_command import places_of_bundles
from console.observation.runs import list_kept
from console.places import data_dir
from console.tui.drawing.text import row_width
from console.tui.key_names import KeyNames
from console.tui.screens.file import FilePage
from console.tui.screens.kept import KeptPage
from console.tui.tensors import AdapterTable
from runners.contract.states import Classification
from tests.observation.recorded_journals import MAC, RUN_ID, Recording
from tests.tui.furnished import FIRST, furnish
from tests.tui.stage import Stage, settle, shown


@pytest.mark.parametrize("keys", [("5", "e"), ("5", "enter", "e")])
async def test_e_opens_the_record_behind_the_verdict_of_a_kept_run(
    keys: tuple[str, ...], stale: Recording, tmp_path: Path
) -> None:
    stage = Stage.at(tmp_path / "runs", stale, 0)
    stage.finish(Classification.REPLAY_REQUIRED, stale.end_ms + 100)
    async with stage.app().run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        for key in keys:
            await pilot.press(key)
            await settle(pilot)
        text = shown(pilot)
    assert "✓ signature" in text
    assert "stale" in text
    assert "NOT LIVE" in text


KEPT = data_dir("fixtures") / "swarm" / "runs" / "first-swarm-live-refused-1"


async def test_header_and_acts_are_about_the_kept_run_that_is_looked_at(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 0)
    stage.finish(Classification.BOUNDED_SUCCESS, healthy.end_ms + 100)
    async with stage.app(run_id=RUN_ID).run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        assert "✓ bounded success" in shown(pilot).splitlines()[1]
        pilot.app.open_kept(KEPT)  # type: ignore[attr-defined]
        await settle(pilot)
        header, sentence = shown(pilot).splitlines()[:2]
        assert KEPT.name in header
        assert "<< NOT LIVE" in header
        assert "✗ refused bringup" in sentence
        assert pilot.app.reason_against("app.replay") == (  # type: ignore[attr-defined]
            "only stale, lost, skewed slices are redone, not refused bringup"
        )


async def test_a_run_that_goes_on_stays_in_the_header_while_a_kept_one_is_looked_at(
    healthy: Recording, tmp_path: Path
) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 12_000)
    async with stage.opened(run_id=RUN_ID, size=(160, 48)) as pilot:
        pilot.app.open_kept(KEPT)  # type: ignore[attr-defined]
        await settle(pilot)
        assert isinstance(pilot.app.screen, KeptPage)
        assert RUN_ID in shown(pilot).splitlines()[0]


async def test_e_without_a_run_says_so_and_not_that_nothing_is_wrong(tmp_path: Path) -> None:
    async with Stage.empty(tmp_path / "runs").app().run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)
        assert "no run was kept on this machine yet" in shown(pilot)


async def test_a_kept_run_whose_journal_was_tampered_with_breaks_off_and_nobody_is_told_to_continue_it(
    healthy: Recording, tmp_path: Path
) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 0)
    stage.finish(Classification.BOUNDED_SUCCESS, healthy.end_ms + 100)
    assert stage.run_dir is not None
    (journal,) = (stage.run_dir / "mac" / "coordinator" / "journals").glob("*.jsonl")
    raw = bytearray(journal.read_bytes())
    raw[len(raw) // 2] ^= 1
    journal.write_bytes(raw)
    stage.clock.now_ms += 3_600_000
    async with stage.app().run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("5", "e")
        await settle(pilot)
        assert "not verified" in shown(pilot)
        assert "at byte" in shown(pilot)
        await pilot.press("escape")
        await settle(pilot)
        text = shown(pilot)
    assert "✗ BREAKS OFF" in text
    assert "its records break off in window" in text
    assert "attach" not in text


PAGES = (
    ("bounded success", "NOT verified", "claim boundary", "a fixture: nothing was trained"),
    ("admitting to active: ready", "9.0 s from first to last"),
    ("mlx.cpu", "torch.cpu", "longest beat gap", "4.2"),
    ("swarm-mac-a 5.400 to 4.200", "step 4", "5.400 ┤"),
    ("lora_A.weight", "2 x 6", "enter computes norms"),
    ("coordinator_runtime_report.json", "audit.md"),
    ("no log is kept",),
    ("Nothing out of the ordinary.",),
)


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_every_page_of_a_kept_run(size: tuple[int, int], kept: Stage) -> None:
    async with kept.app().run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("5", "enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, KeptPage)
        await settle(pilot)  # the check that the page started
        for words in PAGES:
            lines = pilot.app.screen.query_one("#lines")
            whole = "\n".join("".join(span for span, _ in row) for row in lines._rows)  # type: ignore[attr-defined]
            assert [word for word in words if word not in whole] == []
            assert all(row_width(((line, ""),)) == size[0] for line in shown(pilot).split("\n"))
            await pilot.press("right")
            await settle(pilot)


async def test_norms_are_computed_in_a_process_and_name_the_rank(kept: Stage) -> None:
    assert kept.run_dir is not None
    table = AdapterTable(kept.run_dir / "bundle" / "retained_artifacts" / MAC / "adapter_model.safetensors")
    assert "enter computes norms" in str(table.rows("adapter", KeyNames(), 120))
    await table.compute()
    text = str(table.rows("adapter", KeyNames(), 120))
    assert "norm 1.7321" in text  # twelve rows of 0.5
    assert "effective rank 1.0" in text


async def test_enter_on_a_file_opens_it_raw(kept: Stage) -> None:
    async with kept.app().run_test() as pilot:
        await settle(pilot)
        await pilot.press("5", "enter")
        await settle(pilot)
        await pilot.press(*["right"] * 5, "enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, FilePage)
        assert "Nothing out of the ordinary." in shown(pilot)


async def test_two_runs_stand_side_by_side_and_what_differs_stands_out(kept: Stage, stale: Recording) -> None:
    other = kept.runs_dir / "another-run"
    stale.write(other)
    stale.write_bundle(other, Classification.REPLAY_REQUIRED)
    async with kept.app().run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        await pilot.press("5", "m", "down", "c")
        await settle(pilot)
        text = shown(pilot)
    assert "comparison" in text
    assert any(
        "result" in line and "bounded success" in line and "replay required" in line for line in text.split("\n")
    )
    assert any("lane" in line and "loopback" in line and "=" in line for line in text.split("\n"))
    assert "on the same axes" in text


async def test_comparing_without_a_mark_says_how(kept: Stage) -> None:
    async with kept.app().run_test() as pilot:
        await settle(pilot)
        await pilot.press("5", "c")
        await settle(pilot)
        assert "mark one closed run with m" in shown(pilot)


def test_a_path_is_a_bundle_its_first_document_or_a_folder_of_bundles(kept: Stage) -> None:
    assert kept.run_dir is not None
    bundle = kept.run_dir / "bundle"
    for place in (bundle, bundle / FIRST, kept.runs_dir):
        (found,) = list_kept(place)
        assert (found.run_id, found.bundle) == (RUN_ID, bundle)
    assert list_kept(bundle / "journals") == ()


def test_bundles_are_found_some_levels_below_the_place_and_no_link_is_followed(kept: Stage, tmp_path: Path) -> None:
    deep = tmp_path / "tree" / "fixtures" / "swarm" / "runs"
    deep.mkdir(parents=True)
    assert kept.run_dir is not None
    shutil.copytree(kept.run_dir / "bundle", deep / "a-run")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "link").symlink_to(deep)

    assert places_of_bundles(deep / "a-run") == (deep / "a-run",)
    assert places_of_bundles(deep) == (deep,)
    assert places_of_bundles(tmp_path / "tree") == (deep,)
    assert places_of_bundles(tmp_path / "other") == ()


async def test_a_bundle_that_changes_or_goes_while_it_is_open_is_told_and_read_again(
    healthy: Recording, tmp_path: Path
) -> None:
    stage = Stage.closed(tmp_path / "runs", healthy)
    assert stage.run_dir is not None
    bundle = furnish(stage.run_dir / "bundle")
    async with stage.opened(size=(160, 48), place="viewer") as pilot:
        await pilot.press("enter")
        await settle(pilot)
        page = pilot.app.screen
        assert isinstance(page, KeptPage)
        await page._look()
        await settle(pilot)
        assert "changed on disk" not in shown(pilot)
        report = json.loads((bundle / "coordinator_runtime_report.json").read_text())
        report["nodes"][0]["device_name"] = "another device"
        (bundle / "coordinator_runtime_report.json").write_text(json.dumps(report))
        await page._look()
        await settle(pilot)
        assert "▲ changed on disk since it was read: coordinator_runtime_report.json · v reads" in shown(pilot)
        await pilot.press("v", "right", "right")
        await settle(pilot)
        assert "another device" in shown(pilot)
        assert "changed on disk" not in shown(pilot)
        shutil.rmtree(stage.run_dir)
        await page._look()
        await settle(pilot)
        assert "✗ its folder is gone from the disk: what is shown was read before" in shown(pilot)


async def test_a_bundle_that_is_gone_is_not_opened_as_an_empty_one(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.closed(tmp_path / "runs", healthy)
    async with stage.opened(size=(160, 48), place="viewer") as pilot:
        assert stage.run_dir is not None
        shutil.rmtree(stage.run_dir)
        await pilot.press("enter")
        await settle(pilot)
        assert not isinstance(pilot.app.screen, KeptPage)
        assert "it is not there any more" in shown(pilot)


async def test_of_many_runs_those_are_found_whose_name_or_ending_has_the_words(
    healthy: Recording, stale: Recording, tmp_path: Path
) -> None:
    stage = Stage.closed(tmp_path / "runs", healthy)
    for number in range(50):
        shutil.copytree(stage.runs_dir / RUN_ID, stage.runs_dir / f"night-{number}")
    other = Stage.at(tmp_path / "other", stale, 0)
    other.finish(Classification.REPLAY_REQUIRED, stale.end_ms + 100)
    assert other.run_dir is not None
    shutil.copytree(other.run_dir, stage.runs_dir / "night-of-the-stale")
    async with stage.opened(size=(160, 48), place="viewer") as pilot:
        assert "52 · / filters" in shown(pilot)
        await pilot.press("slash", *"night !success")
        await settle(pilot)
        assert "1 of 52" in shown(pilot)
        assert "night-of-the-stale" in shown(pilot)
        await pilot.press("enter", "enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, KeptPage)
        assert pilot.app.screen.run.classification == "replay_required"
        await pilot.press("escape")
        await settle(pilot)
        assert "1 of 52" in shown(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert "52 · / filters" in shown(pilot)
        await pilot.press("slash", *"nothing of that name")
        await settle(pilot)
        assert "none of 52 runs has these words" in shown(pilot)
