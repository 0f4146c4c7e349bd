"""What strangers keep: no true file of ours, or none of ours at all, and shown harmless."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from console.observation.kept_psionic import read_psionic
from console.observation.kept_swarm import read_swarm
from console.tui.drawing.kept import SECTIONS
from console.tui.key_names import KeyNames
from console.tui.screens.file import FilePage
from console.tui.tensors import AdapterTable
from tests.observation.recorded_journals import Recording
from tests.tui.furnished import FIRST, furnish
from tests.tui.stage import Stage, settle, shown


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
