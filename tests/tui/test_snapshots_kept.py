"""`s`: the screen and the state behind it, kept under digests that hold, or nothing."""

import errno
import hashlib
import json
from math import nan
from pathlib import Path

import pytest

from console.tui import evidence
from tests.observation.recorded_journals import RUN_ID, Recording
from tests.tui.stage import Stage, settle, shown


async def test_s_keeps_screen_and_state_under_digests_that_hold(stale: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", stale, 24_000)
    async with stage.app().run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        await pilot.press("s")
        await settle(pilot)
        assert "✓ snapshot" in shown(pilot)
    (folder,) = (stage.runs_dir / "snapshots").iterdir()
    about = json.loads((folder / "snapshot.json").read_bytes())
    for name, file in (("screen_sha256", "screen.svg"), ("state_sha256", "state.json")):
        assert about[name] == hashlib.sha256((folder / file).read_bytes()).hexdigest()
    state = json.loads((folder / "state.json").read_bytes())
    assert [one["verdict"] for one in state["conditions"]].count("replay") == 1
    assert (about["run_id"], state["records"] > 0) == (RUN_ID, True)


@pytest.mark.parametrize("written", [0, 1, 2])
async def test_a_snapshot_that_finds_no_room_leaves_nothing_and_says_where(
    written: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Path] = []

    def full(path: Path, body: bytes) -> None:
        if len(kept) == written:
            raise OSError(errno.ENOSPC, "No space left on device")
        path.write_bytes(body)
        kept.append(path)

    monkeypatch.setattr(evidence, "create_once", full)
    stage = Stage.empty(tmp_path / "runs")
    async with stage.app().run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        await pilot.press("s")
        await settle(pilot)
        assert "✗ snapshot: No space left on device; nothing was kept in " in shown(pilot)
    assert list((stage.runs_dir / "snapshots").iterdir()) == []


def test_a_snapshot_of_figures_that_json_has_no_word_for_is_kept(tmp_path: Path) -> None:
    place, _ = evidence.take_snapshot(tmp_path, {"losses": (nan, 1.5)}, "<svg/>", run_id="../x", wall_ms=0)
    assert json.loads((place / "state.json").read_bytes()) == {"losses": ["nan", 1.5]}
    assert place.parent == tmp_path
