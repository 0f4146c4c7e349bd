"""Whole runs with real processes: started as an operator starts them, watched from outside, cleaned up by pid."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests import patience
from tests.hosts.sshd_rig import SshdRig

ROOT = Path(__file__).resolve().parents[2]
LANE = ROOT / "fixtures" / "swarm" / "lanes" / "loopback.toml"
LOCAL, REMOTE = "swarm-mac-a", "swarm-linux-a"
PATIENCE_S = 180.0  # the first run of a session also captures, on a machine that others use too


def fast_lane(folder: Path, **changes: str) -> Path:
    """The loopback lane with fewer steps; bounds on clocks and replays are the lane's own."""
    text = LANE.read_text()
    wanted = {"steps": "24", "minimum_improvement": "0.01", **changes}
    for name, value in wanted.items():
        lines = [f"{name} = {value}" if line.startswith(f"{name} =") else line for line in text.splitlines()]
        text = "\n".join(lines) + "\n"
    path = folder / "fast.toml"
    path.write_text(text)
    return path


@dataclass
class LiveRun:
    """One run in its own folders. `home` and `runs` are this test's; captured states are shared."""

    folder: Path
    prepared: Path
    lane: Path
    run_id: str = "run-live"

    def __post_init__(self) -> None:
        self.runs.mkdir(parents=True, exist_ok=True)
        if not (self.runs / ".prepared").exists():
            (self.runs / ".prepared").symlink_to(self.prepared)

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def root(self) -> Path:
        return self.runs / self.run_id

    @property
    def own(self) -> Path:
        return self.root / "mac" / "coordinator"

    @property
    def bundle(self) -> Path:
        return self.root / "bundle"

    def env(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SWARM_", "PSIONIC_"))}
        own = {"PYTHONPATH": str(ROOT), "SWARM_RUNS": str(self.runs), "SWARM_HOME": str(self.home)}
        return {**kept, **own, "PYTHONUNBUFFERED": "1", **more}

    def swarm(self, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        """`swarm ARGUMENTS` in a process group of its own, as a shell starts it."""
        return subprocess.Popen(
            [sys.executable, "-m", "console.cli.main", *arguments],
            cwd=self.folder, env=self.env(**more), text=True, process_group=0,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def start(self, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        ports = ("--coordinator-port", "0", "--contributor-port", "0")
        return self.swarm("run", "--lane", str(self.lane), "--run-id", self.run_id, *ports, *arguments, **more)

    def records(self) -> list[dict[str, Any]]:
        """The coordinator's records, in order, as they lie on disk now."""
        files = sorted((self.own / "journals").glob("*.jsonl"), key=lambda path: int(path.stem.rsplit(".e", 1)[1]))
        lines = [line for path in files for line in path.read_bytes().split(b"\n")[:-1]]
        return [json.loads(line) for line in lines]

    def has(self, kind: str, **fields: object) -> bool:
        return any(record["kind"] == kind and fields.items() <= record["body"].items() for record in self.records())

    def coordinator_pid(self) -> int:
        opened = [record for record in self.records() if record["kind"] in ("run_opened", "epoch_opened")]
        return int(opened[-1]["body"]["pid"])

    def runner_of(self, node_id: str) -> int:
        """The pid of its newest runner, which the coordinator knows of."""
        pid = self.runner_pid(node_id)
        assert pid is not None
        return pid

    def runner_pid(self, node_id: str = REMOTE) -> int | None:
        launched = [r["body"] for r in self.records() if r["kind"] == "launched" and r["body"]["node_id"] == node_id]
        return int(launched[-1]["pid"]) if launched else None

    def runner_changes(self, node_id: str) -> list[dict[str, Any]]:
        """What the coordinator journaled of its runner's state."""
        return [r["body"] for r in self.records() if r["kind"] == "runner_changed" and r["body"]["node_id"] == node_id]

    def recorded_pids(self) -> set[int]:
        kinds = ("run_opened", "epoch_opened", "agent_started", "launched")
        return {int(record["body"]["pid"]) for record in self.records() if record["kind"] in kinds}

    def end(self) -> None:
        """Whatever a failing test left behind, by its id."""
        for process in self.left():
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def left(self) -> list[psutil.Process]:
        """Processes of this run: recorded ones, and any whose command line or environment names its folders."""
        return [process for process in psutil.process_iter() if process.pid != os.getpid() and self.is_own(process)]

    def is_own(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            said = [*process.cmdline(), *process.environ().values()]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False
        return any(str(self.folder) in text for text in said)


def until(what: str, happened: Callable[[], object], *, patience_s: float = PATIENCE_S) -> None:
    patience.until(what, happened, patience_s=patience_s)


def finish(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, err


def assert_gone(run: LiveRun) -> None:
    """Everything ends with the run; a process that is just leaving gets its moment."""
    until("no process of the run", lambda: not run.left())
    assert not [pid for pid in run.recorded_pids() if psutil.pid_exists(pid) and _runs(pid)]


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    until("the killed process to be gone", lambda: not _runs(pid))


def journal_lines(folder: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for path in sorted(folder.glob("*.jsonl")):
        yield path.name, [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def add_box(run: LiveRun, box: SshdRig, *options: str) -> None:
    code, out, err = finish(
        run.swarm("host", "add", "box", "--ssh-config", str(box.ssh_config), "--python", sys.executable, *options)
    )
    assert code == 0, out + err
