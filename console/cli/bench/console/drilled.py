"""C3: a drill from any screen in two keys, and how soon its verdict follows the last evidence. Real processes train."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from console.cli.bench.console.place import BenchPlace, Scene
from console.cli.bench.console.terminal import NotShown, Terminal
from console.cli.bench.figure import Figure, millis

# A drill's name, its key, and its cases as their cards name them.
DRILLS = (
    ("F7", "\x1b[18~", ("contributor loss",)),
    ("F5", "\x1b[15~", ("stale worker",)),
    ("F6", "\x1b[17~", ("another shape", "flipped byte")),
    ("F8", "\x1b[19~", ("uneven worker speed",)),
)
LONGEST_S, LEAVING_S = 200.0, 30.0


def drills(place: BenchPlace) -> Iterator[Figure]:
    for name, key, cases in DRILLS[: place.pick(4, 1)]:
        scene = place.fresh()
        with scene.console() as terminal:
            terminal.wait_for("no run")
            terminal.timed("4", "stop conditions")  # any screen but its own
            terminal.press(key)
            terminal.drain(0.5)
            terminal.press("y")
            for number, case in enumerate(cases):
                yield _verdict(scene, terminal, f"{name} and y, {case}", case, number)
            with suppress(NotShown):  # until its command ended, somebody writes into the folder that is removed then
                terminal.wait_for("✓ drill ", longest_s=LEAVING_S)


def _verdict(scene: Scene, terminal: Terminal, what: str, case: str, number: int) -> Figure:
    """Of one case; a verdict that never came is told, and the other drills are measured all the same."""
    try:
        terminal.wait_for(f"{case}  ✓ PASS", longest_s=LONGEST_S)
    except NotShown as error:
        print(f"swarm: c3: expected on the screen {error}", file=sys.stderr)
        return Figure("C3", f"{what}: no PASS on screen", "ms", (LONGEST_S * 1000,), 1000, "worst", scene.size_text)
    late = time.time() - _last_evidence(scene.runs, number) / 1000
    return Figure("C3", f"{what}: last evidence to PASS", "ms", millis((late,)), 1000, "worst", scene.size_text)


def _last_evidence(runs: Path, number: int) -> int:
    """The wall clock of the last record that the coordinator of a drill's case wrote, ms."""
    run = sorted(runs.glob("*drill*"))[number]
    journals = [path for path in run.glob("mac/coordinator*/journals/*.jsonl") if path.stat().st_size]
    lasts = [json.loads(path.read_bytes().rstrip(b"\n").rpartition(b"\n")[2]) for path in journals]
    return max(int(one["wall_ms"]) for one in lasts)
