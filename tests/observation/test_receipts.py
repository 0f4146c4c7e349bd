"""The ring keeps the newest and counts them all; words about records never raise."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.observation.line import Proof, Ref
from console.observation.progress import narrate
from console.observation.receipts import ReceiptRing, Row, find, place_of, tell
from console.observation.telling import Tone
from tests.observation import make_run
from tests.observation.lines import kind_of, line
from tests.observation.record_cases import COORDINATOR_CASES, NODE_CASES
from tests.observation.recorded_journals import RUN_ID, Recording
from tests.observation.watching import Watch


def row(order_ms: int, seq: int = 0, tone: Tone = Tone.PLAIN) -> Row:
    return Row(order_ms, order_ms, "n", "contributor", "log", "", tone, Ref("f", seq, 0, 1), "", Proof.SIGNED)


def test_the_ring_is_bounded_and_its_count_is_right() -> None:
    ring = ReceiptRing(capacity=800)
    for order in range(5000):
        ring.add(row(order, tone=Tone.BAD if order % 100 == 0 else Tone.PLAIN))
    assert len(ring) <= 900
    assert (ring.total, ring.bad) == (5000, 50)
    assert ring[len(ring) - 1].order_ms == 4999


def test_a_late_row_finds_its_place() -> None:
    ring = ReceiptRing()
    for order in (10, 30, 20):
        ring.add(row(order))
    assert [ring[index].order_ms for index in range(3)] == [10, 20, 30]


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("abc")), max_size=8), max_size=8),
    st.integers(1, 40),
)
def test_rows_in_batches_stand_where_rows_one_by_one_would(batches: list[list[tuple[int, str]]], capacity: int) -> None:
    numbered = [[(order, file, 10 * number + place) for place, (order, file) in enumerate(batch)]
                for number, batch in enumerate(batches)]  # fmt: skip
    rows = [
        sorted((Row(order, order, "n", "contributor", "log", "", Tone.PLAIN, Ref(file, seq, 0, 1), "", Proof.SIGNED)
                for order, file, seq in batch), key=place_of)
        for batch in numbered
    ]  # fmt: skip
    ring, again = ReceiptRing(1000), ReceiptRing(1000)
    for batch in rows:
        before, late = list(ring.rows), len(ring.late)
        ring.extend(batch)
        for one in batch:
            again.add(one)
        assert ring.rows == again.rows == sorted(ring.rows, key=place_of)
        # What stood before the first late place stands there still: a filter looks again from there on.
        kept = min(ring.late[late:], default=len(before))
        assert ring.rows[:kept] == before[:kept]
    small = ReceiptRing(capacity)
    for batch in rows:
        small.extend(batch)
    assert small.total == ring.total


def test_the_next_problem_is_found_in_both_directions() -> None:
    ring = ReceiptRing()
    for order in range(10):
        ring.add(row(order, tone=Tone.WARN if order in (2, 7) else Tone.PLAIN))
    assert find(ring, 9, -1, lambda one: one.is_problem) == 7
    assert find(ring, 6, -1, lambda one: one.is_problem) == 2
    assert find(ring, 3, 1, lambda one: one.is_problem) == 7
    assert find(ring, 8, 1, lambda one: one.is_problem) is None


@pytest.mark.parametrize("body", [case[0] for case in COORDINATOR_CASES], ids=lambda body: type(body).__name__)
def test_every_coordinators_record_is_told_in_one_line(body: object) -> None:
    telling = tell(line(body, kind_of(body)))  # type: ignore[arg-type]
    assert telling.text
    assert telling.text.isprintable()


@pytest.mark.parametrize("body", [case[0] for case in NODE_CASES], ids=lambda body: type(body).__name__)
def test_every_contributors_record_is_told_in_one_line(body: object) -> None:
    assert tell(line(body, kind_of(body), role="contributor")).text  # type: ignore[arg-type]


def test_a_body_that_is_not_what_its_kind_promises_is_itself_the_news() -> None:
    telling = tell(line(None, "heartbeat", role="contributor"))
    assert telling.tone is Tone.BAD
    assert telling.text == "body not as heartbeat promises: step: Field required"


def test_the_narration_of_a_run_is_short_and_has_the_turning_points(healthy: Recording, run_dir: Path) -> None:
    lines = Watch(healthy.write(run_dir), now_ms=healthy.end_ms).source.poll().lines
    said = [text for text in map(narrate, lines) if text]
    assert len(said) < len(lines) / 2
    assert said[0] == "13:45:00 run opened: lane loopback: swarm-mac-a, swarm-linux-a; 100 steps; process 4100"
    assert "13:45:13 ! swarm-linux-a log: warning: clock offset 12 ms" in said
    assert said[-1] == "13:45:34 closed: bounded success: merged and replay-checked"


def test_a_record_is_checked_again_from_disk(healthy: Recording, run_dir: Path) -> None:
    from console.observation.detail import read_detail

    watch = Watch(healthy.write(run_dir, until_ms=9000) and run_dir).poll()
    chosen = watch.ring[len(watch.ring) - 1]
    assert chosen.ref is not None
    path = watch.source.path_of(chosen.ref.file)
    assert path is not None
    key = watch.source.key_of(chosen.node_id, chosen.role)
    good = read_detail(path, chosen.ref, expected_sha256=chosen.sha256, public_key=key)
    assert [(check.name, check.passed) for check in good.checks] == [
        ("digest", True),
        ("signature", True),
        ("chain", True),
    ]
    raw = path.read_bytes()
    at = chosen.ref.offset + raw[chosen.ref.offset :].index(b'"wall_ms":') + 12
    path.write_bytes(raw[:at] + (b"1" if raw[at : at + 1] != b"1" else b"2") + raw[at + 1 :])
    bad = read_detail(path, chosen.ref, expected_sha256=chosen.sha256, public_key=key)
    assert [check.name for check in bad.checks if not check.passed] == ["digest", "signature"]


def test_reattaching_to_fifty_thousand_records_loses_none(run_dir: Path, tmp_path: Path) -> None:
    make_run.write_long_run(run_dir, tmp_path, 50_000)
    watch = Watch(run_dir, now_ms=58_500).poll()
    shot, counters = watch.shot(), watch.source.counters()
    assert watch.observer.state.findings == ()
    assert shot.records == watch.ring.total == counters.read
    assert shot.records > 50_000
    assert shot.state.run_id == RUN_ID
    assert shot.hosts[1].host.work.beat == 49_999
