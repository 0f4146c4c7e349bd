"""`swarm run` and `swarm attach` say how far a run is, and how long it will still take, on a terminal and in a file."""

import io
import re
import sys
from pathlib import Path

import pytest

from console.cli import watch as module
from console.cli.watch import Interrupts, Watch
from console.coordination.paths import RunPaths
from tests.observation.recorded_journals import LINUX, RUN_ID, Recording

LEFT = re.compile(rf"{LINUX} training \d+/\d+ loss \d+\.\d+ (\d+:\d\d) left")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_one_line_with_the_time_left(
    healthy: Recording, run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "200")
    watch, told = Watch(RUN_ID, RunPaths(run_dir), Interrupts()), []
    for since, until in ((-1, 14_000), (14_000, 18_000)):
        healthy.write(run_dir, since_ms=since, until_ms=until)
        watch._turn()
        line = terminal.getvalue().split("\r")[-1]
        told.append(LEFT.search(line))
        assert "\n" not in line
    assert told[0] is not None and told[1] is not None
    first, later = ([int(part) for part in found[1].split(":")] for found in told if found)
    assert 0 < first[0] * 60 + first[1] - later[0] * 60 - later[1] < 6


def test_a_file_gets_a_line_now_and_then(
    healthy: Recording, run_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "LINE_EVERY_S", 0.0)
    watch = Watch(RUN_ID, RunPaths(run_dir), Interrupts())
    healthy.write(run_dir, until_ms=20_000)
    watch._turn()
    watch._turn()  # nothing new
    said = capsys.readouterr().err
    assert len(LEFT.findall(said)) == 1
    assert "\r" not in said
