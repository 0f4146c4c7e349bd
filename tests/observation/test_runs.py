"""Which runs there are, and which goes on."""

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from console.evidence.checks.layout import BUNDLE_FILE
from console.observation.endings import with_endings
from console.observation.figures import short_names
from console.observation.plain import plain
from console.observation.runner_output import runner_logs
from console.observation.runs import RunStanding, coordinator_folder, list_runs, newest_live
from runners.contract.states import Classification
from runners.records.lock import FolderLock, is_held
from tests.observation.recorded_journals import Recording


def test_a_run_is_live_while_its_lock_is_held_then_closed_with_a_bundle_or_left(
    healthy: Recording, tmp_path: Path
) -> None:
    run_dir = healthy.write(tmp_path / "one", until_ms=9000)
    (tmp_path / "no-run").mkdir()
    lock = FolderLock(run_dir / "mac" / "coordinator")
    with lock:
        (run,) = list_runs(tmp_path)
        assert run.standing is RunStanding.LIVE
        assert newest_live((run,)) == run
    assert list_runs(tmp_path)[0].standing is RunStanding.LEFT
    healthy.write_bundle(run_dir, Classification.BOUNDED_SUCCESS)
    (run,) = list_runs(tmp_path)
    assert run.standing is RunStanding.CLOSED
    assert run.bundle == run_dir / "bundle"


def test_a_folder_that_is_renamed_while_a_run_is_looked_at_hides_nothing_of_it(
    healthy: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = healthy.write(tmp_path / "one", until_ms=500)
    (run_dir / "draft").mkdir()
    (run_dir / "mac" / "n0.contributor.r0.e0.jsonl").touch()
    (run_dir / "mac" / "log-r0.txt").touch()
    listing = os.scandir

    def renamed_afterwards(place: Any = ".") -> Any:
        """What a coordinator does between two looks of an observer: the draft of a bundle gets its name."""
        with listing(place) as found:
            entries = list(found)
        if Path(os.fsdecode(place)) == run_dir and (run_dir / "draft").exists():
            (run_dir / "draft").rename(run_dir / "bundle")
        return nullcontext(entries)

    monkeypatch.setattr(os, "scandir", renamed_afterwards)
    for look in (coordinator_folder, lambda run: runner_logs(run, "n0")):
        assert look(run_dir), "nothing was found of the run"
        assert not (run_dir / "draft").exists()
        (run_dir / "bundle").rename(run_dir / "draft")


def test_a_list_says_how_each_run_ended_and_of_a_hostile_document_nothing(healthy: Recording, tmp_path: Path) -> None:
    for name, ended in (("good", Classification.BOUNDED_SUCCESS), ("bad", Classification.REPLAY_REQUIRED)):
        healthy.write_bundle(healthy.write(tmp_path / name, until_ms=500), ended)
    document = healthy.write_bundle(healthy.write(tmp_path / "hostile", until_ms=500), Classification.REJECTED)
    told = {
        "": "unreadable",
        "[" * 100_000: "unreadable",
        '{"result_classification": 3}': "",
        '{"result_classification": "\\u001b[2J"}': "·[2J",
    }
    for text, ended_by in told.items():
        (document / BUNDLE_FILE).write_text(text)
        os.utime(document / BUNDLE_FILE, (1, len(text)))
        ended_as = {run.run_id: run.ended for run in with_endings(list_runs(tmp_path))}
        assert ended_as.pop("hostile") == ended_by
        assert ended_as == {"good": "bounded_success", "bad": "replay_required"}


def test_when_a_run_ended_is_what_it_says_itself_whatever_the_files_of_a_copy_say(
    healthy: Recording, tmp_path: Path
) -> None:
    bundle = healthy.write_bundle(healthy.write(tmp_path / "copied", until_ms=500), Classification.REJECTED)
    told = {
        '{"finished_wall_ms": 1795762614199}': 1_795_762_614_199,
        '{"finished_at_ms": 1774591809405}': 1_774_591_809_405,
        '{"finished_wall_ms": Infinity}': None,
        '{"finished_wall_ms": NaN}': None,
        '{"finished_wall_ms": -5}': None,
        '{"finished_wall_ms": "now"}': None,
        '{"finished_wall_ms": 253402300800000}': None,
        "": None,
    }
    for number, (text, ended_ms) in enumerate(told.items()):
        (bundle / "coordinator_runtime_report.json").write_text(text)
        os.utime(bundle / BUNDLE_FILE, (1, number))
        (run,) = with_endings(list_runs(tmp_path))
        assert run.ended_ms == ended_ms


def test_the_newest_run_comes_first(healthy: Recording, tmp_path: Path) -> None:
    for age, name in enumerate(("newest", "older", "oldest")):
        run_dir = healthy.write(tmp_path / name, until_ms=500)
        for path in (*run_dir.rglob("*"), run_dir):
            os.utime(path, (1_000_000 - age, 1_000_000 - age))
    assert [run.run_id for run in list_runs(tmp_path)] == ["newest", "older", "oldest"]


def test_what_is_written_beside_a_closed_run_makes_it_no_newer(healthy: Recording, tmp_path: Path) -> None:
    for number, name in enumerate(("older", "newer")):
        run_dir = healthy.write(tmp_path / name, until_ms=500)
        healthy.write_bundle(run_dir, Classification.BOUNDED_SUCCESS)
        for path in (run_dir, *run_dir.rglob("*")):
            os.utime(path, (1000 + number, 1000 + number))
    (tmp_path / "older" / "audits").mkdir()

    assert [run.run_id for run in list_runs(tmp_path)] == ["newer", "older"]


def test_looking_at_a_lock_takes_nothing_from_its_owner(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    assert not (tmp_path / "lock").exists()
    with FolderLock(tmp_path):
        assert is_held(tmp_path)
    assert not is_held(tmp_path)


def test_no_runs_folder_means_no_runs(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "none") == ()


def test_node_names_are_shortened_to_what_tells_them_apart() -> None:
    assert short_names(("swarm-mac-a", "swarm-linux-a")) == {"swarm-mac-a": "mac", "swarm-linux-a": "linux"}
    assert short_names(("swarm-mac-a",)) == {"swarm-mac-a": "swarm-mac-a"}
    assert short_names(("a-1", "a-1-1")) == {"a-1": "a-1", "a-1-1": "a-1-1"}


def test_text_of_another_host_keeps_to_its_cells() -> None:
    hostile = "\x1b[31m[bold]x\x00\u202e\u05d0\u0301\r\nend"
    assert plain(hostile) == "·[31m[bold]x··· " + " end"
    assert len(plain("y" * 1_000_000)) == 400
