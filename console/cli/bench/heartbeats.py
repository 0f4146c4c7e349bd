"""`swarm bench heartbeats`: two real runners train on a machine that is kept busy, and nobody is called late."""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from console.cli.bench.figure import TABLE_HEAD, Figure
from console.cli.bench.machine import about
from console.cli.errors import UsageError
from console.cli.progress_bar import ProgressBar
from console.coordination.lane_file import lane_files
from console.evidence.checks.real_run import check_real_run
from runners.contract.jobs import Progress

GAP_GOAL_MS = 2500  # half of what makes a runner stale
RUN_ID = "bench-heartbeats"
MEMORY_GOAL_MIB = 256  # whatever the run's length
READY_S = 600.0  # capture, bring-up and imports, all under the load
CLOSE_S = 900.0  # hundreds of checkpoints are hashed, under the same load
WEIGH_EVERY_S = 15.0
# Many steps, each token by token, so that it lasts on any machine and its plan stays short.
LONG = {"steps": "15000", "batch_samples": "4", "rank": "32", "alpha": "64.0", "chunk_tokens": "1"}
SWARM = (sys.executable, "-m", "console.cli.main")
# It ends with its parent, however that ends.
BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(1_000_000))\n"


class NothingToJudge(Exception):
    """The run didn't come to training, or left no bundle."""


def add(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = kinds.add_parser(
        "heartbeats",
        help="minutes of training under CPU load: gaps between heartbeats, and false alarms",
        description="Runs the loopback lane with long training in folders of its own, keeps the processors busy "
        "with as many more processes at the same priority as --busy says, stops the run, and judges the bundle that it "
        "leaves: its journals say how far heartbeats were apart and whether anyone was called stale. Exit 1 on a gap "
        f"past {GAP_GOAL_MS} ms or a false alarm.",
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="of training, all under load (default: 10)")
    parser.add_argument(
        "--busy", type=int, default=2 * (os.cpu_count() or 1), metavar="N",
        help="processes that do nothing but compute (default: two for each processor)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--markdown", action="store_true", help="a table for docs/reliability.md")
    parser.set_defaults(act=bench, left="its run was ended, and its folders are gone")


def bench(options: argparse.Namespace) -> int:
    if options.minutes <= 0 or options.busy < 0:
        got = f"{options.minutes:g} and {options.busy}"
        raise UsageError(f"bench heartbeats: expected --minutes above 0 and --busy of at least 0, got {got}")
    with tempfile.TemporaryDirectory(prefix="swarm-bench-") as root, busy(options.busy), ProgressBar(sys.stderr) as bar:
        said = about()
        scene = _Scene(Path(root), bar)
        try:
            loads = scene.train(options.minutes)
        except NothingToJudge as error:
            bar.end()
            print(f"swarm: bench heartbeats: {error}", file=sys.stderr)
            return 1
        bar.end()
        figures = [*judged(scene.bundle), scene.memory()]
        inconsistent = check_real_run(scene.bundle).findings
    said |= {"minutes": options.minutes, "busy": options.busy, "loads": loads, "findings": len(inconsistent)}
    if options.json:
        print(json.dumps({**said, "figures": [one.to_json() for one in figures]}, indent=2))
    else:
        print(f"{said['machine']}, {said['when']}, {options.minutes:g} min, {options.busy} busy processes")
        print(f"load {min(loads):.1f} to {max(loads):.1f}; bundle {'INCONSISTENT' if inconsistent else 'consistent'}")
        print(
            "\n".join(
                (TABLE_HEAD, *(one.row() for one in figures)) if options.markdown else [f.line() for f in figures]
            )
        )
    return 1 if inconsistent or not all(one.reached for one in figures) else 0


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Processes of our own priority that take whatever they get."""
    # A Ctrl-C is for us, who end them.
    hogs = [subprocess.Popen([sys.executable, "-c", BUSY], start_new_session=True) for _ in range(count)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


@dataclass
class _Scene:
    root: Path
    bar: ProgressBar
    memory_mib: list[float] = field(default_factory=list)  # of the coordinator, every few seconds until its end

    @property
    def own(self) -> Path:
        return self.root / "runs" / RUN_ID

    @property
    def bundle(self) -> Path:
        return self.own / "bundle"

    def train(self, minutes: float) -> list[float]:
        """Load averages while it trained. Ctrl-C ends the run as it ends any other, and that is waited for."""
        ports = ("--coordinator-port", "0", "--contributor-port", "0")
        with (self.root / "run.txt").open("w") as log:
            run = self._swarm(log, "run", "--lane", str(self._lane()), "--run-id", RUN_ID, *ports)
            try:
                self.bar.show(Progress(stage="starting", done=0, total=1, detail="two runners"))
                self._await_training(run)
                loads = self._watch(run, 60 * minutes)
                if any(r["kind"] in ("contribution_seen", "closed") for r in self._records()):
                    raise NothingToJudge(
                        f"expected training of {minutes:g} min, got an end before: {self._last_words()}"
                    )
                self.bar.show(Progress(stage="closing", done=0, total=1, detail="the bundle is written and checked"))
                self._swarm(log, "stop", RUN_ID, "--reason", "enough was measured").wait(CLOSE_S)
                self._await_end(run)
            finally:
                self._end(run)
        if not self.bundle.is_dir():
            raise NothingToJudge(f"expected a closed bundle, got none: {self._last_words()}")
        return loads

    def _watch(self, run: "subprocess.Popen[bytes]", lasts_s: float) -> list[float]:
        loads, began, total = [os.getloadavg()[0]], time.monotonic(), max(1, round(lasts_s))
        while run.poll() is None and (spent := time.monotonic() - began) < lasts_s:
            if spent >= WEIGH_EVERY_S * len(loads):
                self._weigh()
                loads.append(os.getloadavg()[0])
            self.bar.show(Progress(stage="training", done=int(spent), total=total, detail=f"load {loads[-1]:.1f}"))
            time.sleep(min(1.0, lasts_s - spent))
        self._weigh()
        return [*loads, os.getloadavg()[0]]

    def _await_training(self, run: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + READY_S
        while not any(r["kind"] == "window_opened" for r in self._records()):
            if run.poll() is not None or time.monotonic() > deadline:
                raise NothingToJudge(f"expected two runners that train, got none: {self._last_words()}")
            time.sleep(0.2)

    def _await_end(self, run: "subprocess.Popen[bytes]") -> None:
        """The bundle is written and checked by the coordinator: its memory counts to the end."""
        deadline = time.monotonic() + CLOSE_S
        while run.poll() is None:
            if time.monotonic() > deadline:
                raise NothingToJudge(f"expected an end within {CLOSE_S:g} s, got none: {self._last_words()}")
            self._weigh()
            time.sleep(0.5)

    def _weigh(self) -> None:
        opened = [r for r in self._records() if r["kind"] in ("run_opened", "epoch_opened")]
        with suppress(psutil.NoSuchProcess, IndexError):
            self.memory_mib.append(psutil.Process(int(opened[-1]["body"]["pid"])).memory_info().rss / 2**20)

    def memory(self) -> Figure:
        first = self.memory_mib[0] if self.memory_mib else 0
        what = f"memory of the coordinator, {first:.0f} at first"
        return Figure("H4", what, "MiB", tuple(self.memory_mib) or (0.0,), MEMORY_GOAL_MIB, "worst")

    def _end(self, run: "subprocess.Popen[bytes]") -> None:
        """As an operator would: asked to stop, and waited for."""
        if run.poll() is None:
            run.send_signal(signal.SIGINT)
            run.wait(CLOSE_S)

    def _lane(self) -> Path:
        lines = lane_files()["loopback"].read_text().splitlines()
        for name, value in LONG.items():
            lines = [f"{name} = {value}" if line.startswith(f"{name} =") else line for line in lines]
        path = self.root / "long.toml"
        path.write_text("\n".join(lines) + "\n")
        return path

    def _swarm(self, log: Any, *arguments: str) -> "subprocess.Popen[bytes]":
        own = {"SWARM_RUNS": str(self.root / "runs"), "SWARM_HOME": str(self.root / "home")}
        return subprocess.Popen(
            [*SWARM, *arguments], env={**os.environ, **own}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,  # a second Ctrl-C, ours after the terminal's, would leave the run going on
        )  # fmt: skip

    def _records(self) -> list[dict[str, Any]]:
        return records(self.own / "mac" / "coordinator" / "journals")

    def _last_words(self) -> str:
        return (self.root / "run.txt").read_text(errors="replace")[-2000:].strip() or "it said nothing"


def records(folder: Path) -> list[dict[str, Any]]:
    """Every whole line of every journal in the folder; the bundle's are checked by `check_real_run`."""
    paths = sorted(folder.glob("*.jsonl")) if folder.is_dir() else []
    return [json.loads(line) for path in paths for line in path.read_bytes().split(b"\n")[:-1]]


def judged(bundle: Path) -> Iterator[Figure]:
    """Gaps by the clock of the runner that beat; alarms by the coordinator's own records."""
    said = records(bundle / "journals")
    backends = {r["node_id"]: r["body"]["device"]["backend_label"] for r in said if r["kind"] == "ready"}
    for node_id, label in sorted(backends.items()):
        beats = [r for r in said if r["kind"] == "heartbeat" and r["node_id"] == node_id]
        gaps = tuple(float(b["mono_ms"] - a["mono_ms"]) for a, b in pairwise(beats) if a["epoch"] == b["epoch"])
        backend, steps = ".".join(label.split(".")[1:3]), max((b["body"]["step"] for b in beats), default=0)
        what = f"{backend}: heartbeat gap over {steps} steps, least {min(gaps, default=0):.0f}"
        yield Figure("H1", what, "ms", gaps or (float("inf"),), GAP_GOAL_MS, "worst")
    alarms = [r for r in said if r["kind"] == "runner_changed" and r["body"]["after"] in ("stale", "lost")]
    yield Figure("H2", "runners called stale or lost", "", (float(len(alarms)),), 0, "worst")
    own = [r for r in said if r["kind"] == "observer_gap"]
    yield Figure("H3", "observer gaps of the coordinator", "", (float(len(own)),), None, "worst")
