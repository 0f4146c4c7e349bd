"""C2: the console itself stands still, and no host is blamed for it."""

import signal
import time
from collections.abc import Iterator

from console.cli.bench.console.place import BenchPlace
from console.cli.bench.figure import Figure

ALARMS = (b"STALE", b"LOST", b"NO BEAT")


def stalls(place: BenchPlace) -> Iterator[Figure]:
    for what, stop, seconds in (
        ("a stall of 2 s", signal.SIGSTOP, 2),
        (f"SIGSTOP of {place.pick(10, 6)} s", signal.SIGSTOP, place.pick(10, 6)),
        (f"suspend of {place.pick(10, 6)} s", signal.SIGTSTP, place.pick(10, 6)),
    ):
        scene = place.fresh()
        with scene.live(seconds + 12) as terminal:
            terminal.tell(stop)
            time.sleep(seconds)
            terminal.tell(signal.SIGCONT)
            shown = terminal.drain(3)
        alarms = sum(shown.count(alarm) for alarm in ALARMS)
        yield Figure("C2", f"false alarms after {what}", "", (float(alarms),), 0, "worst", place.size_text)
        missing = float(b"OBSERVER GAP" not in shown)
        yield Figure("C2", f"observer gaps not owned up to, {what}", "", (missing,), 0, "worst", place.size_text)
