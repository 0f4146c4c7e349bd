"""The second line at 80 columns: who waits for whom, since when and out of how long."""

from pathlib import Path

from console.observation.snapshot import Snapshot
from console.observation.source import Counters
from console.tui.drawing.header import sentence
from console.tui.view import Mode, View
from tests.observation.recorded_journals import Recording
from tests.observation.watching import Watch

EVERY_MS = 250


def test_at_80_columns_a_wait_keeps_its_bound_in_every_phase(healthy: Recording, run_dir: Path) -> None:
    watch, before = Watch(run_dir), -1
    seen: set[str] = set()
    for now_ms in range(EVERY_MS, healthy.end_ms, EVERY_MS):
        healthy.write(run_dir, since_ms=before, until_ms=now_ms)
        before = now_ms
        shot = watch.poll(now_ms).shot()
        whole, narrow = _line(shot, 400), _line(shot, 80)
        seen |= {shot.state.window.value} if "(bound " in whole else set()
        assert ("(bound " in narrow) == ("(bound " in whole), (now_ms, whole, narrow)

    assert seen == {"admitting", "preparing", "active", "sealed", "validating", "validated", "aggregated"}


def test_a_long_wait_keeps_its_bound_and_the_host_its_short_name(healthy: Recording, run_dir: Path) -> None:
    healthy.write(run_dir, until_ms=2000)
    shot = Watch(run_dir).poll(58_000).shot()

    assert "waits for swarm-linux-a to pass its gate since 58.0 s (bound 60 s) · nothing to do" in _line(shot, 160)
    assert "waits for linux to pass its gate since 58.0 s (bound 60 s)" in _line(shot, 80)


def _line(shot: Snapshot, width: int) -> str:
    view = View(shot, Mode.LIVE, "run", None, Counters())
    return "".join(text for row in sentence(view, width) for text, _ in row)
