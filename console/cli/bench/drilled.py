"""C3: a drill from any screen in two keys, and how soon its verdict follows the last evidence. Real processes train."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

from console.cli.bench.figure import Figure, millis
from console.cli.bench.place import BenchPlace

DRILLS = (("F7", "\x1b[18~"), ("F5", "\x1b[15~"), ("F6", "\x1b[17~"), ("F8", "\x1b[19~"))
LONGEST_S = 200.0


def drills(place: BenchPlace) -> Iterator[Figure]:
    for name, key in DRILLS[: place.pick(4, 1)]:
        scene = place.fresh()
        with scene.console() as terminal:
            terminal.wait_for("no run")
            terminal.timed("4", "stop conditions")  # any screen but its own
            terminal.press(key)
            terminal.drain(0.5)
            terminal.press("y")
            terminal.wait_for("✓ PASS", longest_s=LONGEST_S)
            shown = time.time()
        late = shown - _last_evidence(scene.runs) / 1000
        yield Figure("C3", f"{name} and y: last evidence to PASS on screen", "ms", millis((late,)), 1000, "worst")


def _last_evidence(runs: Path) -> int:
    """The wall clock of the last record that any coordinator wrote, ms."""
    journals = [path for path in runs.glob("*/mac/coordinator*/journals/*.jsonl") if path.stat().st_size]
    lasts = [json.loads(path.read_bytes().rstrip(b"\n").rpartition(b"\n")[2]) for path in journals]
    return max(int(one["wall_ms"]) for one in lasts)
