"""`swarm prepare` says how far it is, goes on after Ctrl-C, and writes over nothing."""

import asyncio
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from console.cli import progress_bar
from console.cli.main import main
from console.cli.progress_bar import ProgressBar, duration
from runners.contract.jobs import Progress
from tests.patience import PATIENCE_S, until
from tests.training.published import published

DATA = Path(__file__).parents[2] / "fixtures" / "swarm" / "dataset" / "train.jsonl"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.torch
def test_interrupted_prepare_is_finished_by_the_same_command(tmp_path: Path) -> None:
    model = published(tmp_path, layers=4)
    data = tmp_path / "pairs.jsonl"
    data.write_bytes(b"".join(DATA.read_bytes().splitlines(keepends=True)[:60]))
    argv = ["prepare", "--model", str(model), "--data", str(data), "--by-layer", "--batch", "1", "--shard-size", "1"]
    out = tmp_path / "out"
    with (tmp_path / "err").open("wb") as err:
        process = subprocess.Popen([sys.executable, "-m", "console.cli.main", *argv, "--out", str(out)], stderr=err)
    until("the capture to begin", (out / ".capture.json").exists)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(PATIENCE_S) == 130
    assert "the same command goes on" in (tmp_path / "err").read_text()
    assert not (out / "manifest.json").exists()

    assert main([*argv, "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["log.txt", "manifest.json", "shard.safetensors"]
    assert main([*argv, "--out", str(out)]) == 2
    assert main([*argv, "--out", str(tmp_path / "other")]) == 0
    for name in ("manifest.json", "shard.safetensors"):
        assert (out / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_folder_with_something_else_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    assert main(["prepare", "--model", str(tmp_path), "--data", str(DATA), "--out", str(out)]) == 2
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]


def test_bar_says_part_sizes_and_time_left_from_what_this_process_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    seconds = iter([0.0, 30.0])
    terminal = Terminal()
    bar = ProgressBar(terminal, lambda: next(seconds))
    bar.show(Progress(stage="capture", done=600, total=1000))  # done by an earlier process
    bar.show(Progress(stage="capture", done=700, total=1000, detail="about 7.0 MB of 10.0 MB"))
    last = terminal.getvalue().split("\r")[-1]
    assert "[########....]  70% 700/1000  1:30 left  about 7.0 MB of 10.0 MB" in last


def test_bar_of_a_stage_is_full_once_the_next_one_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    seconds = iter([0.0, 7.0, 7.5])
    terminal = Terminal()
    bar = ProgressBar(terminal, lambda: next(seconds))
    bar.show(Progress(stage="load", done=0, total=1))
    bar.show(Progress(stage="capture", done=0, total=1000))
    bar.show(Progress(stage="capture", done=1000, total=1000))
    loaded, captured = terminal.getvalue().split("\n")
    assert loaded.split("\r")[-1].startswith("load      [########################] 100% 1/1  took 0:07")
    assert "100% 1000/1000  took 0:00" in captured


def test_bar_into_a_file_writes_few_lines() -> None:
    seconds = iter(range(100))
    stream = io.StringIO()
    bar = ProgressBar(stream, lambda: float(next(seconds)))
    for done in range(1, 22):
        bar.show(Progress(stage="capture", done=done, total=21))
    lines = stream.getvalue().splitlines()
    assert [line[:20].split() for line in lines] == [  # the first, one on the way, the last; no bar is drawn
        ["capture", "5%", "1/21"], ["capture", "52%", "11/21"], ["capture", "100%", "21/21"]
    ]  # fmt: skip


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (75, "1:15"), (3700, "1:01:40")])
def test_duration_is_readable(seconds: float, text: str) -> None:
    assert duration(seconds) == text


async def test_what_cannot_tell_how_far_it_is_says_how_long_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_bar, "LINE_EVERY_S", 0.01)
    stream = io.StringIO()
    async with asyncio.timeout(PATIENCE_S), progress_bar.meanwhile(stream, "measuring"):
        while stream.getvalue().count("\n") < 2:
            await asyncio.sleep(0)
    assert stream.getvalue().startswith("measuring, 0:00\nmeasuring, 0:00\n")
