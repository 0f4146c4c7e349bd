"""What a filter asks, and that a growing ring answers the same as one that is asked at the end."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.observation.facets import Filter, parse_filter
from console.observation.line import Proof, Ref
from console.observation.receipts import ReceiptRing, Row
from console.observation.sifted import Sifted
from console.observation.telling import Tone

KINDS = (
    ("swarm-mac-a", "contributor", "heartbeat", "step 3 of 100  loss 4.1", Tone.BEAT),
    ("swarm-linux-a", "contributor", "heartbeat", "step 2 of 100  loss 4.4", Tone.BEAT),
    ("swarm-mac-a", "coordinator", "window_changed", "active to replay required: Linux is stale", Tone.BAD),
    ("swarm-linux-a", "contributor", "log", "warning: clock offset 12 ms", Tone.WARN),
    ("swarm-mac-a", "coordinator", "submission_judged", "swarm-mac-a received 70 KB", Tone.GOOD),
)


def row(number: int, kind: int, *, verified: bool = True) -> Row:
    node_id, role, name, text, tone = KINDS[kind]
    ref = Ref(f"{node_id}.jsonl", number, number * 100, 99) if verified else None
    return Row(number, number, node_id, role, name, text, tone, ref, f"{number:064x}", Proof.SIGNED)


ROWS = [row(number, number) for number in range(5)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("host:linux", [1, 3]),
        ("host:mac", [0]),
        ("host:coord", [2, 4]),
        ("host:mac host:linux", [0, 1, 3]),
        ("kind:heartbeat", [0, 1]),
        ("kind:window", [2]),
        ("!kind:heartbeat", [2, 3, 4]),
        ("!host:coord !kind:log", [0, 1]),
        ("verdict:bad", [2]),
        ("verdict:problem", [2, 3]),
        ("!verdict:ok", [2, 3]),
        ("host:linux kind:heartbeat 4.4", [1]),
        ("OFFSET ms", [3]),
        ("!loss !stale", [3, 4]),
        ("host:", [0, 1, 2, 3, 4]),
        ("host:nobody", []),
    ],
)
def test_a_filter_leaves_what_it_asks_for(text: str, found: list[int]) -> None:
    assert parse_filter(text).of(ROWS, range(5)) == found


def test_an_unknown_verdict_is_named_and_left_out() -> None:
    wanted = parse_filter("verdict:purple host:mac")
    assert "expected bad" in wanted.problem
    assert "got purple" in wanted.problem
    assert wanted.of(ROWS, range(5)) == [0]


def test_a_journal_that_failed_is_found_as_unverified() -> None:
    rows = [*ROWS, row(5, 2, verified=False)]
    assert parse_filter("verdict:unverified").of(rows, range(6)) == [5]


@given(
    arrivals=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 4)), max_size=60),
    looks=st.sets(st.integers(0, 60)),
    text=st.sampled_from(["host:mac", "!kind:heartbeat", "verdict:problem", "loss", ""]),
    capacity=st.sampled_from([8, 16, 1000]),
)
def test_a_list_that_grows_shows_what_a_list_made_at_the_end_shows(
    arrivals: list[tuple[int, int]], looks: set[int], text: str, capacity: int
) -> None:
    ring, wanted = ReceiptRing(capacity), parse_filter(text)
    sifted = Sifted(ring, wanted)
    for number, (order, kind) in enumerate(arrivals):
        ring.add(row(order, kind))
        if number in looks:
            sifted.refresh()
    sifted.refresh()
    assert [sifted[index] for index in range(len(sifted))] == [ring[i] for i in wanted.of(ring.rows, range(len(ring)))]


@pytest.mark.parametrize("text", ["verdict:bad", "host:linux kind:heartbeat", "!kind:heartbeat", "offset 12"])
def test_a_filter_costs_a_few_looks_at_each_receipt(text: str) -> None:
    """1 to 4 looks; 100 000 receipts take 20 ms then, within a frame. In parts of this process's own time: how fast or
    busy the machine is decides nothing."""
    rows = [row(number, number % 5) for number in range(20_000)]
    wanted: Filter = parse_filter(text)
    looks, taken = [], []
    for _ in range(5):
        began = time.process_time()
        assert len([one for one in rows if "heartbeat" in one.kind]) == 8000
        looked = time.process_time()
        wanted.of(rows, range(len(rows)))
        looks.append(looked - began)
        taken.append(time.process_time() - looked)
    assert min(taken) <= 16 * min(looks)
