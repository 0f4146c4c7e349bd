"""P3 and C1: many records, none lost; and how soon one record is on the screen."""

import time
from collections.abc import Iterator

from console.cli.bench.console.place import BenchPlace, share_of_core
from console.cli.bench.console.synthetic import LINUX
from console.cli.bench.figure import Figure, millis


def no_record_lost(place: BenchPlace) -> Iterator[Figure]:
    for rate, seconds in ((1000, place.pick(20, 5)), (10_000, place.pick(10, 3))):
        scene = place.fresh()
        with scene.flooded(rate, seconds) as (run, flood, terminal):
            with share_of_core(terminal) as cost:
                while flood.going:
                    terminal.drain(0.1)
            wanted, behind = flood.count + run.records + 4, time.perf_counter()
            seen = during = scene.ask(terminal)
            while seen["shown"] < wanted and time.perf_counter() - behind < 30:
                seen = scene.ask(terminal)
            late = time.perf_counter() - behind
        lost = wanted - min(seen["read"], seen["shown"], seen["folded"])
        size, what = place.size_text, f"{rate}/s for {seconds} s"
        limit = 25 if rate == 1000 else None
        yield Figure("P3", f"event loop late, p99, {what}", "ms", (during["lag_p99_ms"],), limit, "worst", size)
        yield Figure("P3", f"event loop late, worst, {what}", "ms", (during["lag_worst_ms"],), 100, "worst", size)
        yield Figure("P3", f"records lost of {wanted}", "", (float(lost + seen["bad"]),), 0, "worst", size)
        yield Figure("P3", f"behind at the end of {what}", "ms", (late * 1000,), None, "worst", size)
        yield Figure("P4", f"share of a core, {what}", "%", tuple(cost), None, "worst", size)


def record_to_screen(place: BenchPlace) -> Iterator[Figure]:
    scene = place.fresh()
    taken, words = [], []
    with scene.synthetic() as run, scene.console() as terminal:
        pen = run.pen(LINUX)
        terminal.wait_for("ACTIVE", "LIVE")
        terminal.press("2")
        for place_at in range(place.pick(60, 15)):
            terminal.drain(0.21 + place_at % 10 * 0.013)  # so that it meets every part of a frame
            line = pen.log(f"marker-{place_at:04}", time.time_ns() // 1_000_000)
            began = time.perf_counter()
            with pen.path.open("ab") as stream:
                stream.write(line)
            terminal.wait_for(f"marker-{place_at:04}", longest_s=5)
            taken.append(time.perf_counter() - began)
        terminal.press("1")
        terminal.wait_for("LIVE", "skew", longest_s=5)
        for _ in range(place.pick(15, 5)):
            terminal.drain(0.43)
            began = time.perf_counter()
            run.stale(LINUX)
            terminal.wait_for("! STALE", longest_s=5)
            words.append(time.perf_counter() - began)
            terminal.drain(0.3)
            run.alive(LINUX)
            terminal.wait_for("LIVE", longest_s=5)
    yield Figure("C1", "a record to the screen", "ms", millis(taken), 200, "p95", place.size_text)
    yield Figure("C1", "the coordinator's STALE to the screen", "ms", millis(words), 200, "worst", place.size_text)
