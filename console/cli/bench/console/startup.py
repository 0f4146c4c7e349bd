"""P1 and S2: from exec to something on the screen; a killed console and the next one."""

import signal
import time
from collections.abc import Iterator

from console.cli.bench.console.place import BenchPlace, Scene
from console.cli.bench.console.synthetic import Flood
from console.cli.bench.figure import Figure, millis


def first_paint(place: BenchPlace) -> Iterator[Figure]:
    scene = place.fresh()
    taken = []
    for _ in range(place.pick(15, 5)):
        with scene.console() as terminal:
            taken.append(terminal.wait_for("dashboard"))
    yield Figure("P1", "exec to first paint", "ms", millis(taken), 500, size=place.size_text)
    live = []
    with scene.synthetic():
        for _ in range(place.pick(15, 5)):
            with scene.console() as terminal:
                live.append(terminal.wait_for("ACTIVE", "LIVE"))
    yield Figure("P1", "exec to first live frame", "ms", millis(live), 1000, size=place.size_text)


def reattach(place: BenchPlace) -> Iterator[Figure]:
    """The console is killed in the middle of a run; no journal changes for that, and the next one shows them."""
    scene = place.fresh()
    records = place.pick(50_000, 10_000)
    taken, changed = [], 0
    with scene.synthetic() as run:
        with Flood(run, 1e6, records / 1e6) as flood:
            while flood.going:
                time.sleep(0.01)
        run.stale("swarm-linux-a")
        for _ in range(place.pick(7, 3)):
            before = _journals(scene)
            with scene.console() as terminal:
                taken.append(terminal.wait_for("ACTIVE", "! STALE", "step"))
                terminal.tell(signal.SIGKILL)
                terminal.wait(5)
            changed += before != _journals(scene)
    what = f"exec to true state, {records} records"
    yield Figure("S2", what, "ms", millis(taken), 1000, size=place.size_text)
    yield Figure("S2", "runs changed by a killed console", "", (float(changed),), 0, "worst", place.size_text)


def _journals(scene: Scene) -> dict[str, int]:
    return {str(path): path.stat().st_size for path in scene.runs.rglob("*.jsonl")}
