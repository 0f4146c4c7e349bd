"""`swarm bench`: what can be measured here; and `swarm bench console`, in a real pseudo terminal."""

import argparse
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from pathlib import Path

from console.cli import bench_merge
from console.observation.facets import parse_filter
from console.observation.file_lines import FileLines
from console.observation.line import Proof, Ref
from console.observation.receipts import Row
from console.observation.telling import Tone
from console.places import runs_dir

GOALS_MS = {"first paint": 500, "key to paint": 50, "filter 100 000": 100, "first screen of 100 MB": 500}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    bench_of = commands.add_parser("bench", help="measure this installation", description="Measures; changes nothing.")
    kinds = bench_of.add_subparsers(dest="what", metavar="WHAT", required=True)
    bench_merge.add(kinds)
    parser = kinds.add_parser("console", help="first paint, key to paint, filter and first screen of a large file")
    parser.add_argument("--run", metavar="ID", help="a kept run to show (default: none)")
    parser.add_argument("--size", default="80x24", help="columns x rows (default: 80x24)")
    parser.add_argument("--times", type=int, default=7, help="starts of the console (default: 7)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(act=bench)


def bench(options: argparse.Namespace) -> int:
    columns, rows = (int(part) for part in options.size.split("x"))
    run = ("--run", options.run) if options.run else ()
    starts, keys = [], []
    for _ in range(options.times):
        with Terminal(columns, rows, run) as terminal:
            starts.append(terminal.first_paint())
            keys += terminal.key_to_paint()
    figures = {
        "first paint": starts,
        "key to paint": keys,
        "filter 100 000": [_timed(_filter()) for _ in range(3)],
        "first screen of 100 MB": [_first_screen()],
    }
    measured = {name: _summary(name, values) for name, values in figures.items()}
    if options.json:
        print(json.dumps({"size": options.size, "load": os.getloadavg()[0], "figures": measured}, indent=2))
    else:
        print(f"{options.size}, load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores, runs in {runs_dir()}")
        for name, one in measured.items():
            word = "reached" if one["p95_ms"] <= one["goal_ms"] else "NOT reached"
            times = f"p50 {one['p50_ms']:7.1f}  p95 {one['p95_ms']:7.1f} ms"
            print(f"  {name:<24} {times}  goal {one['goal_ms']} ms: {word}  ({one['count']} measured)")
    return 0


class Terminal:
    """The console as a child on a pseudo terminal of its own."""

    def __init__(self, columns: int, rows: int, arguments: tuple[str, ...]) -> None:
        self._size = struct.pack("HHHH", rows, columns, 0, 0)
        self._argv = (sys.executable, "-m", "console.cli.main", "console", "--read-only", *arguments)

    def __enter__(self) -> "Terminal":
        self._began = time.perf_counter()
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
            os.execv(self._argv[0], self._argv)  # noqa: S606 - this very interpreter, no shell
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, self._size)
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._fd)

    def first_paint(self) -> float:
        """ms from exec until the line of keys is written."""
        seen = b""
        while b"dashboard" not in seen:
            seen += self._read(20.0)
        taken = (time.perf_counter() - self._began) * 1000
        self._settle()
        return taken

    def key_to_paint(self) -> list[float]:
        """ms from a key to the first byte that answers it. The clock's own paint, once a second, is waited out."""
        taken = []
        for key in b"2415j?\x1bj1":
            self._settle()
            began = time.perf_counter()
            os.write(self._fd, bytes((key,)))
            if self._read(2.0):
                taken.append((time.perf_counter() - began) * 1000)
        return taken

    def _settle(self) -> None:
        """Until nothing was written for 150 ms: the bytes that come next answer the next key."""
        while self._read(0.15):
            pass

    def _read(self, wait_s: float) -> bytes:
        ready, _, _ = select.select([self._fd], [], [], wait_s)
        return os.read(self._fd, 65536) if ready else b""


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def _filter() -> Callable[[], object]:
    tones = (Tone.BEAT, Tone.PLAIN, Tone.BAD, Tone.WARN)
    rows = [
        Row(at, at, f"swarm-{'mac' if at % 2 else 'linux'}-a", "contributor", "heartbeat" if at % 3 else "log",
            f"step {at} of 100000  loss 4.1", tones[at % 4], Ref("f", at, at, 1), "0" * 64, Proof.SIGNED)
        for at in range(100_000)
    ]  # fmt: skip
    wanted = parse_filter("host:mac !kind:log verdict:problem loss")
    return lambda: wanted.of(rows, range(len(rows)))


def _first_screen() -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "large.json")
        path.write_bytes(b'  "a line of some length": "and a value that is about as long as values are",\n' * 1_300_000)
        return _timed(lambda: _screen(path))


def _screen(path: Path) -> None:
    lines = FileLines(path)
    lines.grow(1)
    for index in range(48):
        lines.line(index)
    lines.close()


def _summary(name: str, values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    last = len(ordered) - 1
    return {
        "p50_ms": ordered[last // 2],
        "p95_ms": ordered[min(last, round(last * 0.95))],
        "worst_ms": ordered[last],
        "count": len(ordered),
        "goal_ms": GOALS_MS[name],
    }
