"""The real console on a real terminal, through whole runs: start, watch, stop; start, lose a runner, replay;
leave, come back, view. Real processes train in it."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from console.cli.bench.console.terminal import Terminal
from runners.records.lock import is_held

LONG = 240.0  # other work may keep the cores busy
NODE = "swarm-linux-a"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, folder in (("SWARM_RUNS", "runs"), ("SWARM_HOME", "home"), ("XDG_CONFIG_HOME", "config")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    yield tmp_path
    mine = [
        one
        for one in psutil.process_iter(["cmdline"])
        if any(str(tmp_path) in arg for arg in one.info["cmdline"] or ())
    ]
    for one in mine:
        one.kill()


def runs(home: Path) -> list[Path]:
    return sorted(path for path in (home / "runs").iterdir() if (path / "mac").is_dir())


def records(run: Path, kind: str) -> list[dict[str, object]]:
    """Bodies of the coordinator's records of a kind."""
    found = []
    for path in sorted(run.glob("mac/coordinator*/journals/*.coordinator.*.jsonl")):
        lines = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
        found += [line["body"] for line in lines if line["kind"] == kind]
    return found


def lose_runner(run: Path) -> None:
    """The runner of the remote node is gone from one moment to the next."""
    pid = next(int(str(body["pid"])) for body in records(run, "launched") if body["node_id"] == NODE)
    os.kill(pid, signal.SIGKILL)


def until_free(run: Path) -> None:
    """Until the coordinator has ended: it signs and checks the bundle after its last record."""
    end = time.monotonic() + LONG
    while any(is_held(folder) for folder in (run / "mac").glob("coordinator*")):
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.soak
@pytest.mark.live
@pytest.mark.timeout(900)
def test_start_watch_stop_replay_view(home: Path) -> None:
    with Terminal((160, 48)) as terminal:
        terminal.wait_for("no run")
        # Start, watch every place, stop.
        terminal.timed("g", "ADMITTING", longest_s=LONG)
        terminal.wait_for("ACTIVE", "LIVE", longest_s=LONG)
        terminal.timed("2", "following")
        terminal.timed("4", "stop conditions")
        terminal.timed("1", "timeline")
        terminal.timed("x", "Stop")
        terminal.timed("n", "goes on")
        terminal.timed("x", "Stop")
        terminal.timed("y", "CLOSED", longest_s=LONG)
        (first,) = runs(home)
        assert records(first, "closed")[0]["classification"] == "stopped_by_operator"
        # A second one: its remote runner is killed; lost by proof of its death, and the window asks for a replay.
        terminal.settle()
        terminal.timed("g", "ADMITTING", longest_s=LONG)
        terminal.wait_for("ACTIVE", longest_s=LONG)
        second = next(run for run in runs(home) if run != first)
        lose_runner(second)
        terminal.wait_for("LOST", longest_s=LONG)
        terminal.wait_for("CLOSED", longest_s=LONG)
        assert records(second, "closed")[0]["classification"] == "replay_required"
        terminal.settle()
        until_free(second)
        terminal.drain(3)  # so that the console has looked, too
        terminal.timed("r", "opens it")
        terminal.timed("y", "ACTIVE", longest_s=LONG)
        terminal.wait_for("CLOSED", "bounded success", longest_s=LONG)
        terminal.press("q")
        assert terminal.wait(30) == 0
    assert [body["classification"] for body in records(second, "closed")] == ["replay_required", "bounded_success"]
    until_free(second)  # a console that starts earlier still finds it live
    # Another console: the viewer opens what was kept, verifies it, and the scrubber goes back in it.
    with Terminal((160, 48)) as terminal:
        terminal.wait_for("no run")
        terminal.timed("5", second.name)
        terminal.timed("\r", "verdict", "verified", longest_s=LONG)
        terminal.timed("w", "NOT LIVE", longest_s=LONG)
        terminal.timed("{", "NOT LIVE")
        terminal.press("q")
        assert terminal.wait(30) == 0


@pytest.mark.soak
@pytest.mark.live
@pytest.mark.timeout(600)
def test_a_killed_console_never_changes_a_run(home: Path) -> None:
    with Terminal((80, 24)) as terminal:
        terminal.wait_for("no run")
        terminal.timed("g", "ADMITTING", longest_s=LONG)
        terminal.wait_for("ACTIVE", longest_s=LONG)
        terminal.tell(signal.SIGKILL)
        assert terminal.wait(10) == 128 + signal.SIGKILL
    (run,) = runs(home)
    with Terminal((80, 24)) as terminal:
        terminal.wait_for("CLOSED", longest_s=LONG)
        time.sleep(0.2)
    assert [body["classification"] for body in records(run, "closed")] == ["bounded_success"]
