"""A long run costs the coordinator no memory for each thing that it hears: what it knows is a state, not a history."""

import gc
import tracemalloc

from console.coordination.arrivals import arrive
from console.coordination.decide import decide
from tests.coordination import window as win
from tests.coordination.window import Window

HOUR = 3600  # heartbeats of one node


def test_an_hour_of_heartbeats_leaves_the_state_as_small_as_it_was() -> None:
    w = Window().to_active()
    hear(w, 100)
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        hear(w, HOUR)
        gc.collect()
        after, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 64 * 1024
    assert most - before < 256 * 1024


def hear(w: Window, beats: int) -> None:
    """From both nodes, once a second; decided after each."""
    for number in range(beats):
        w.now += 1000
        for node_id in w.ids:
            record = win.line(node_id, win.beat(number + 1), number)
            w.state, said = arrive(w.state, node_id, record, win.head(node_id, number), w.now)
            assert said == ()
        assert decide(w.state, w.now) is None
