"""P4 and P5: what the console costs while nothing happens, while a run goes on, and after a million receipts."""

import time
from collections.abc import Iterator

from console.cli.bench.console.place import BenchPlace, share_of_core
from console.cli.bench.console.synthetic import Flood
from console.cli.bench.figure import Figure, millis

MIB = 1024 * 1024


def share_of_a_core(place: BenchPlace) -> Iterator[Figure]:
    seconds = place.pick(20, 6)
    scene = place.fresh()
    with scene.console() as terminal:
        terminal.wait_for("dashboard")
        terminal.drain(2)
        with share_of_core(terminal) as idle:
            terminal.drain(seconds)
    yield Figure("P4", "share of a core, no run", "%", tuple(idle), 5, "worst", place.size_text)
    with scene.live(seconds + 5) as terminal, share_of_core(terminal) as live:
        terminal.drain(seconds)
    limit = 20 if place.size[0] < 120 else 25
    yield Figure("P4", "share of a core, a live run", "%", tuple(live), limit, "worst", place.size_text)


def a_million_receipts(place: BenchPlace) -> Iterator[Figure]:
    count = place.pick(1_000_000, 100_000)
    scene = place.fresh()
    with scene.synthetic() as run:
        with Flood(run, 1e6, count / 1e6) as flood:
            while flood.going:
                time.sleep(0.1)
        wanted = flood.count + run.records + 4
        with scene.probed() as terminal:
            began = time.perf_counter()
            terminal.wait_for("dashboard")
            seen, worst, state = scene.ask(terminal), 0.0, 0.0
            while seen["shown"] < wanted and time.perf_counter() - began < 240:
                terminal.drain(0.2)
                seen = scene.ask(terminal)
                worst = max(worst, seen["lag_worst_ms"])
                if seen["folded"] and not state:
                    state = time.perf_counter() - began
            terminal.press("2")
            terminal.drain(1)
            first = terminal.timed("\x1b[F", "lane bench: mac, linux", longest_s=20)  # End: the very first record
            seen = scene.ask(terminal)
    size = place.size_text
    yield Figure("P5", f"resident after {count} receipts", "MiB", (seen["rss_bytes"] / MIB,), 120, "worst", size)
    yield Figure("P5", f"receipts of {wanted} not held", "", (float(wanted - seen["shown"]),), 0, "worst", size)
    yield Figure("P5", f"to the first of {count} receipts", "ms", millis((first,)), 100, "worst", size)
    yield Figure("P5", "event loop late, worst, while they are read", "ms", (worst,), 100, "worst", size)
    yield Figure("P5", f"exec to state at {count} receipts", "ms", millis((state,)), None, "worst", size)
