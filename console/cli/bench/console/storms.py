"""S1: what a terminal or another host can throw at the console, and how late its event loop gets of it."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from console.cli.bench.console.place import BenchPlace
from console.cli.bench.console.synthetic import LINUX
from console.cli.bench.figure import Figure

HOSTILE = "[red]markup[/] \x1b[31mcolour \x1b]0;title\x07 \u202eright to left \x00 a\u0301\u0301\u0301 \U0001f3f4 "
LONG = HOSTILE * 500  # of some 50 KB: near what a line may be


def storm_of_sizes(place: BenchPlace) -> Iterator[Figure]:
    """Twenty sizes a second while 1000 receipts a second come."""
    seconds, scene = place.pick(10, 3), place.fresh()
    with scene.flooded(1000, seconds + 2) as (_, _, terminal):
        for step in range(20 * seconds):
            terminal.resize(20 + step * 7 % 180, 4 + step * 5 % 56)
            terminal.drain(0.05)
        seen = scene.ask(terminal)
    yield from _lateness((seen,), "20 sizes a second", place)


def hostile_lines(place: BenchPlace) -> Iterator[Figure]:
    """Twenty lines a second, each as long as a line may be, on the dashboard, in the list, and opened."""
    scene = place.fresh()
    seen = []
    with scene.synthetic() as run, scene.probed() as terminal:
        pen = run.pen(LINUX)
        terminal.wait_for("ACTIVE", "LIVE")
        scene.ask(terminal)
        for key in ("1", "2", "\x1b[A", "\r", "\r"):
            terminal.press(key)
            for _ in range(place.pick(40, 10)):
                with pen.path.open("ab") as stream:
                    stream.write(pen.log(LONG, time.time_ns() // 1_000_000, "error"))
                terminal.drain(0.05)
            seen.append(scene.ask(terminal))
    yield from _lateness(seen, "20 hostile lines of 50 KB a second", place)


def _lateness(seen: Sequence[dict[str, Any]], what: str, place: BenchPlace) -> Iterator[Figure]:
    """And the longest that the loop itself computed at a stretch: other work on the machine doesn't touch that."""
    late, own = (max(one[name] for one in seen) for name in ("lag_worst_ms", "own_worst_ms"))
    yield Figure("S1", f"event loop late, worst, {what}", "ms", (late,), 100, "worst", place.size_text)
    yield Figure("S1", f"of that its own computing, {what}", "ms", (own,), None, "worst", place.size_text)
