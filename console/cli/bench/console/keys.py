"""P2: from a key to its picture, while receipts pour in."""

import time
from collections.abc import Iterator

from console.cli.bench.console.place import BenchPlace
from console.cli.bench.figure import Figure, millis

# A key, and text that only its answer shows: what pours in meanwhile shows none of it.
ROUND = (
    ("2", "following"), ("j", "newer"), ("j", "newer"), (".", "following"), ("?", "everywhere"), ("\x1b", "following"),
    ("4", "enter opens the record"), ("3", "drills"), ("5", "enter opens"), ("1", "skew"),
    ("/", "host:mac"), ("z", "receipts  / z"), ("\x1b", "following"), ("t", "theme swarm"),
)  # fmt: skip
RATE = 1000


def key_to_paint(place: BenchPlace) -> Iterator[Figure]:
    scene, seconds = place.fresh(), place.pick(60, 10)
    taken: dict[str, list[float]] = {}
    with scene.flooded(RATE, seconds + 2) as (_, _, terminal):
        terminal.drain(1)
        scene.ask(terminal)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            for key, marker in ROUND:
                terminal.drain(0.12)
                taken.setdefault(key, []).append(terminal.timed(key, marker, longest_s=5))
        seen = scene.ask(terminal)
    every = [one for values in taken.values() for one in values]
    yield Figure("P2", f"key to paint at {RATE} receipts/s", "ms", millis(every), 50, "p95", place.size_text)
    yield Figure("P2", f"key to paint at {RATE} receipts/s", "ms", millis(every), 100, "p99", place.size_text)
    slowest = max(taken, key=lambda key: sorted(taken[key])[len(taken[key]) // 2])
    yield Figure("P2", f"of these the slowest key {slowest!r}", "ms", millis(taken[slowest]), size=place.size_text)
    yield Figure("P3", f"event loop late at {RATE}/s, keys pressed", "ms", (seen["lag_p99_ms"],), size=place.size_text)
