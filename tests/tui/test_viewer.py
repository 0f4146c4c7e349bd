"""Runs that were kept: what they say, whether it holds, everything that lies in them, and two of them side by side."""

import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from console.cli.view_command import places_of_bundles
from console.observation.file_lines import LONGEST, FileLines
from console.observation.kept_psionic import read_psionic
from console.observation.kept_swarm import read_swarm
from console.observation.runs import RunRef, RunStanding, list_kept
from console.places import data_dir
from console.tui.drawing import kept as drawing
from console.tui.drawing.comparison import comparison
from console.tui.drawing.kept import SECTIONS
from console.tui.drawing.places import run_row
from console.tui.drawing.plot import plot
from console.tui.drawing.text import row_width
from console.tui.key_names import KeyNames
from console.tui.screens.file import FilePage
from console.tui.screens.kept import KeptPage
from console.tui.tensors import AdapterTable
from runners.contract.states import Classification
from tests.observation.recorded_journals import LINUX, MAC, RUN_ID, Recording
from tests.tui.stage import Stage, settle, shown

FIRST = "first_swarm_real_run_bundle.json"


def furnish(bundle: Path) -> Path:
    """What the recording's sketch of a bundle lacks: reports, receipts with losses, an adapter, an audit."""
    nodes = [
        {"node_id": node_id, "backend_label": f"open_adapter_backend.{kind}.cpu.gpt_oss_lm_head", "steps_done": 100,
         "device_label": "cpu:0", "device_name": "EPYC", "disposition": "accepted", "replay_outcome": "exact",
         "adapter_sha256": "ab" * 32, "longest_heartbeat_gap_ms": 1001}
        for node_id, kind in ((MAC, "mlx"), (LINUX, "torch"))
    ]  # fmt: skip
    states = [{"before": "planned", "after": "admitting", "reason": "asked", "wall_ms": 1_795_441_500_000},
              {"before": "admitting", "after": "active", "reason": "ready", "wall_ms": 1_795_441_509_000}]  # fmt: skip
    report = {"nodes": nodes, "states": states, "window_ms": 19_000, "skew_ms": 2_500}
    (bundle / "coordinator_runtime_report.json").write_text(json.dumps(report))
    for node_id, last in ((MAC, 4.2), (LINUX, 4.3)):
        folder = bundle / "retained_artifacts" / node_id
        folder.mkdir(parents=True)
        receipt = {"step_losses": [5.4, 5.0, 4.6, last], "samples_presented": 1600}
        (folder / "contributor_receipt.json").write_text(json.dumps(receipt))
        a, b = np.eye(2, 6, dtype=np.float32), np.full((12, 2), 0.5, np.float32)
        b[:, 1] = 0
        tensors = {"base_model.model.lm_head.lora_A.weight": a, "base_model.model.lm_head.lora_B.weight": b}
        save_file(tensors, folder / "adapter_model.safetensors", {"alpha": "4", "rank": "2"})
    (bundle / "audit.md").write_text("# Audit\n\nNothing out of the ordinary.\n")
    return bundle


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


@pytest.fixture
def kept(healthy: Recording, tmp_path: Path) -> Stage:
    stage = Stage.at(tmp_path / "runs", healthy, 0)
    stage.finish(Classification.BOUNDED_SUCCESS, healthy.end_ms + 100)
    assert stage.run_dir is not None
    furnish(stage.run_dir / "bundle")
    return stage


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


async def test_a_file_that_is_no_safetensors_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"\xff" * 64)
    table = AdapterTable(path)
    await table.compute()
    assert "expected a safetensors header" in str(table.rows("x", KeyNames(), 100))


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ({"x": {"dtype": "\x1b[2J\u202e", "shape": [1]}}, "·[2J·"),
        ({"x": {"dtype": "F32", "shape": 5}}, "?"),
        ({"x": {"dtype": None, "shape": ["\x1b[2J"]}}, "?"),
        ({"x": 3}, "?"),
        ({f"t{number}": {"dtype": "F32", "shape": [1]} for number in range(9_000)}, "and 8900 more"),
        ([], "got a list or a value"),
    ],
)
async def test_a_hostile_header_is_shown_harmless_and_its_norms_are_refused(
    header: object, told: str, tmp_path: Path
) -> None:
    path, raw = tmp_path / "x.safetensors", json.dumps(header).encode()
    path.write_bytes(len(raw).to_bytes(8, "little") + raw)
    table = AdapterTable(path)
    await table.compute()
    text = "\n".join("".join(part for part, _ in row) for row in table.rows("x\x1b[2J", KeyNames(), 74))
    assert told in text
    assert "expected" in text
    assert text.replace("\n", "").isprintable()


async def test_an_adapter_that_learned_nothing_has_no_rank(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    name = "base_model.model.lm_head.lora_{}.weight"
    a, b = np.ones((2, 6), np.float32), np.zeros((12, 2), np.float32)
    save_file({name.format("A"): a, name.format("B"): b}, path, {"alpha": "4", "rank": "2"})
    table = AdapterTable(path)
    await table.compute()
    assert "effective rank 0.0" in str(table.rows("x", KeyNames(), 120))


async def test_a_strangers_folder_of_pipes_links_and_bad_names_is_shown_harmless(kept: Stage) -> None:
    assert kept.run_dir is not None
    bundle = kept.run_dir / "bundle"
    (bundle / "audit.md").unlink()
    os.mkfifo(bundle / "audit.md")
    (bundle / "bad\x1b[2J\u202ename.txt").write_text("a log\x1b[2J" + " of one long line" * 20 + " THE END")
    (bundle / "endless.txt").symlink_to("/dev/zero")
    (bundle / "retained_artifacts" / "broken.safetensors").write_bytes(b"hello")
    async with kept.app().run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("5", "enter")
        await settle(pilot)
        assert "NOT verified" in shown(pilot)  # on its first screen, beside what the run says of itself
        for section in SECTIONS[1:]:
            await pilot.press("right")
            await settle(pilot)
            assert shown(pilot).replace("\n", "").isprintable()
            assert section in shown(pilot)
        assert "not read: audit.md: expected a regular file" in shown(pilot)
        await pilot.press("left", "enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, FilePage)
        assert shown(pilot).replace("\n", "").isprintable()
        assert "THE END" not in shown(pilot)
        await pilot.press(*["right"] * 8)
        await settle(pilot)
        assert "THE END" in shown(pilot)


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


async def test_a_run_of_the_old_system_opens_with_what_its_documents_hold(tmp_path: Path) -> None:
    old = tmp_path / "old-run"
    old.mkdir()
    first = {"schema_version": "swarm.first_trusted_lan_real_run_bundle.v1", "run_id": "old-run",
             "result_classification": "bounded_success", "promotion_disposition": "held",
             "publish_disposition": "refused", "publish_reason": "no", "accepted_contributions": 2}  # fmt: skip
    (old / FIRST).write_text(json.dumps(first))
    mine = {"execution_backend_label": "open_adapter_backend.cuda.gpt_oss_lm_head", "executed_steps": 12,
            "final_mean_loss": 5e-07, "payload_bytes": 1480, "payload_sha256": "9a" * 32}  # fmt: skip
    report = {"node_id": "swarm-mac-a", "runtime_role": "coordinator", "local_contribution": mine,
              "observed_wallclock_ms": 61_228,
              "heartbeat_receipts": [{"worker_id": "swarm-mac-a", "observed_at_ms": 1_774_635_609_793}]}  # fmt: skip
    (old / "coordinator_runtime_report.json").write_text(json.dumps(report))
    stage = Stage.empty(tmp_path / "runs")
    async with stage.app(kept_folders=(old,), open_first=old, place="viewer").run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        text = shown(pilot)
        assert "the old system's digest rules" in text
        await pilot.press("right", "right")
        await settle(pilot)
        assert "cuda" in shown(pilot)
        await pilot.press("right")
        await settle(pilot)
        assert "keep no loss by step" in shown(pilot)
        await pilot.press("w")
        await settle(pilot)
        assert "the old system kept no journals" in shown(pilot)


@pytest.mark.parametrize(
    "body",
    ["[]", "{", '{"nodes": 3}', '{"nodes": [{"node_id": "../../etc"}], "states": [{}]}', '{"a":' * 5000,
     '{"nodes": [{"steps_done": 1e999}], "states": [{"wall_ms": NaN}], "observer_gaps_ms": 3, "window_ms": Infinity}',
     f'{{"promotion_hold_reason_codes": 3, "total_contributions": {10**400}, "observed_wallclock_ms": -Infinity}}'],
)  # fmt: skip
def test_hostile_documents_leave_holes_and_raise_nothing(body: str, tmp_path: Path) -> None:
    for name in (FIRST, "coordinator_runtime_report.json", "contributor_runtime_report.json"):
        (tmp_path / name).write_text(body)
    assert read_swarm(tmp_path).losses == ()
    assert read_psionic(tmp_path).devices == ()


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


def test_the_first_screen_of_a_large_file_waits_for_no_more_than_its_first_piece(tmp_path: Path) -> None:
    path = tmp_path / "large.log"
    with path.open("wb") as stream:
        stream.write(b"first line\n")
        stream.truncate(1_000_000_000)
    began = time.process_time()
    lines = FileLines(path)
    lines.grow(1)
    assert lines.line(0) == "first line"
    assert time.process_time() - began < 0.05
    assert not lines.whole
    lines.close()


@pytest.mark.parametrize("text", ["a\nb\n", "a\nb", "\n\n", "", "x" * (LONGEST * 3 + 7) + "\nend\n", "é\x1b[31m\n"])
def test_every_byte_of_a_file_is_on_some_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    lines = FileLines(path)
    while not lines.whole:
        lines.grow()
    shown_text = [lines.line(index) for index in range(len(lines))]
    assert all(line.isprintable() and line.isascii() for line in shown_text)
    if text.isascii() and "\x1b" not in text:
        assert "".join(shown_text) == text.replace("\n", "")
    lines.close()


def test_a_plot_falls_where_the_losses_fall_and_fits() -> None:
    rows = plot((("accent", tuple(5 - step / 25 for step in range(100))), ("warn", (4.0,) * 50)), 60, 12)
    texts = ["".join(text for text, _ in row) for row in rows]
    assert len(rows) == 12
    assert all(row_width(row) <= 60 for row in rows)
    assert "5.000 ┤" in texts[0]
    assert any(role == "warn" for row in rows for _, role in row)
    first, last = texts[0].index("┤") + 1, texts[9]
    assert texts[0][first] != " "
    assert last.rstrip().endswith(tuple(chr(0x2800 + n) for n in range(1, 256)))


@pytest.mark.parametrize("values", [(), (float("nan"),), (float("inf"), float("nan")), (1.0,), (2.0, 2.0)])
def test_a_plot_of_nothing_or_of_one_value_raises_nothing(values: tuple[float, ...]) -> None:
    assert len(plot((("accent", values),), 60, 12)) == 12


def test_a_rate_that_no_clock_could_measure_and_an_adapter_too_small_are_read_with_care(tmp_path: Path) -> None:
    ran = {"started_at_ms": 1000, "completed_at_ms": 1002, "sample_count": 12}
    mine = {"executed_steps": 12, "payload_bytes": 1480, "execution_summary": ran, "execution_backend_label": "cuda"}
    report = {"node_id": "a", "local_contribution": mine}
    (tmp_path / "coordinator_runtime_report.json").write_text(json.dumps(report))
    run = read_psionic(tmp_path)
    text = "\n".join("".join(part for part, _ in row) for row in drawing.devices(run, 120))
    assert "too short: 12 in 2 ms" in text
    assert "6000" not in text
    assert text.count("read with care") == 2
    assert "its adapter has 1480 bytes" in text


def test_devices_of_long_names_stay_apart() -> None:
    """The kept run of an H100 beside a processor, at 80 columns."""
    run = read_swarm(data_dir("fixtures") / "swarm" / "runs" / "loopback-cuda-1")
    text = "\n".join("".join(part for part, _ in row) for row in drawing.devices(run, 74))
    assert "… cpu:0 " in text or "HBM3 cpu:0 " in text


def test_what_differs_behind_the_digits_that_are_shown_is_not_called_the_same() -> None:
    runs = data_dir("fixtures") / "swarm" / "runs"
    pair = (read_swarm(runs / "loopback-cuda-1"), read_swarm(runs / "first-loopback-live-1"))
    lines = ["".join(part for part, _ in row) for row in comparison(*pair, 150)]
    differ, same = lines[: lines.index("")], lines[lines.index("") :]
    (merged,) = (line.split()[2:] for line in differ if "held-out merge" in line)
    assert merged[0] != merged[1]
    assert merged[0][:5] == merged[1][:5]  # to three digits they are one
    assert not any("held-out merge" in line or "swarm-mac-a loss" in line for line in same)
    assert any("NVIDIA H100" in line for line in differ)


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


async def test_a_bundle_whose_first_document_is_broken_is_unreadable_and_checked_by_our_rules(
    healthy: Recording, tmp_path: Path
) -> None:
    stage = Stage.closed(tmp_path / "runs", healthy)
    assert stage.run_dir is not None
    bundle = furnish(stage.run_dir / "bundle")
    (bundle / FIRST).write_text('{"schema_version": "swarm.real')
    (bundle / "bundle.sig").write_text("-----BEGIN SSH SIGNATURE-----")
    async with stage.opened(size=(160, 48), place="viewer") as pilot:
        assert "✗ unreadable" in shown(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert "✗ nothing that can be read" in shown(pilot)
        assert "by our rules" in shown(pilot)
        assert "publish" not in shown(pilot).split("╭─", 2)[1].split("claim boundary")[0]


def test_a_run_of_ours_is_named_whole_at_80_columns(tmp_path: Path) -> None:
    name = "loopback-live-20261127T173610Z-ac22"
    ended = RunRef(name, tmp_path, RunStanding.CLOSED, tmp_path, 1_795_441_500_000, ended="stopped_by_operator")
    row = "".join(text for text, _ in run_row(ended, 74))
    assert "✗ stopped by operator " in row
    assert f" {name} " in row
