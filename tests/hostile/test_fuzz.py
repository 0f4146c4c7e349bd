"""Bytes that nobody foresaw: every reader refuses them by its own named errors, and tells no record that isn't true."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from console.coordination.arrivals import arrive
from console.evidence.checks import stored
from console.observation.follower import BULK_BYTES, Follower
from console.observation.source import RunSource
from runners.contract.canonical import canonical_bytes, parse_strict
from runners.contract.coordinator_records import COORDINATOR_BODIES
from runners.contract.document import Word, word_from_json
from runners.contract.errors import ContractError, MalformedBytes
from runners.contract.journal import MAX_LINE_BYTES, parse_line
from runners.contract.node_records import NODE_BODIES
from runners.contract.plan import WindowPlan
from runners.records.journal_file import JournalReader
from tests.coordination import window as win
from tests.coordination.window import Window
from tests.hostile.golden import RUN, golden
from tests.hostile.readings import said as accelerator

QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)
NUMBERS = st.one_of(st.integers(), st.floats(), st.sampled_from([2**53, -(2**63), 10**400, 1e308, -0.0]))
TEXTS = st.one_of(st.text(max_size=30), st.sampled_from(["\ud800", "\0", "\x1b[2J", "../x", "é", "[red]", ""]))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)
CUTS = st.tuples(st.integers(0, 1 << 16), st.integers(0, 1 << 16))
PIECES = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(
        [b"\n", b"\r\n", b"\0", b"NaN", b"1e999", b"9" * 5000, b'"x":1,"x":1,', b"[" * 5000, b"\xff", b"-0"]
    ),
)


def mutated(raw: bytes, cuts: tuple[int, int], piece: bytes) -> bytes:
    """`piece` in place of a part that begins anywhere and is short, or of nothing."""
    start = cuts[0] % (len(raw) + 1)
    return raw[:start] + piece + raw[start + cuts[1] % 60 :]


def spelled(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


CONTRIBUTOR, COORDINATOR = golden("contributor"), golden("coordinator")
BUNDLE = "first_swarm_real_run_bundle.json"
START = b"\n".join(CONTRIBUTOR.lines[:4]) + b"\n"


@QUICK
@given(
    raw=st.one_of(st.binary(max_size=300), JSON.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")))
)
def test_any_bytes_are_a_value_or_malformed_to_producer_and_checker_alike(raw: bytes) -> None:
    outcomes: list[object] = []
    for parse, named in ((parse_strict, MalformedBytes), (stored.parse, stored.UnreadableError)):
        try:
            outcomes.append(("value", parse(raw)))
        except named:
            outcomes.append("refused")
    assert outcomes[0] == outcomes[1]


@QUICK
@given(number=st.integers(0, 1000), cuts=CUTS, piece=PIECES)
def test_a_changed_line_is_refused_by_name(number: int, cuts: tuple[int, int], piece: bytes) -> None:
    raw = CONTRIBUTOR.lines[number % len(CONTRIBUTOR.lines)]
    changed = mutated(raw, cuts, piece)
    try:
        record = parse_line(changed)
    except ContractError:
        return
    assert canonical_bytes(record.to_json()) == changed, "a record has one spelling"


@QUICK
@given(cuts=CUTS, piece=PIECES, parts=st.lists(st.integers(1, 400), max_size=5))
def test_a_changed_journal_gives_true_records_up_to_the_change_and_none_after(
    cuts: tuple[int, int], piece: bytes, parts: list[int]
) -> None:
    changed = mutated(START, cuts, piece)
    reader, told, at = JournalReader(CONTRIBUTOR.writer, CONTRIBUTOR.public_key), [], 0
    try:
        for size in (*parts, len(changed)):
            told += [line.raw for line in reader.feed(changed[at : at + size])]
            at += size
    except ContractError:
        pass
    assert told == CONTRIBUTOR.lines[: len(told)]
    assert reader.head.offset <= len(changed)


@QUICK
@given(cuts=CUTS, piece=PIECES)
def test_who_only_looks_on_never_stumbles(cuts: tuple[int, int], piece: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, CONTRIBUTOR.writer.file_name)
        path.write_bytes(mutated(START, cuts, piece))
        follower = Follower(path, CONTRIBUTOR.writer, CONTRIBUTOR.public_key)
        told = [path.read_bytes()[line.offset : line.offset + line.size] for line in follower.read()]
    assert told == CONTRIBUTOR.lines[: len(told)]


@settings(QUICK, max_examples=30)
@given(cuts=st.tuples(st.integers(0, 1 << 20), st.integers(0, 1 << 16)), piece=PIECES)
def test_a_long_journal_that_is_only_chained_at_first_never_stumbles(cuts: tuple[int, int], piece: bytes) -> None:
    long = COORDINATOR.raw * (BULK_BYTES // len(COORDINATOR.raw) + 1)  # past its first copy it is not true
    with TemporaryDirectory() as folder:
        path = Path(folder, COORDINATOR.writer.file_name)
        path.write_bytes(mutated(long, cuts, piece))
        follower = Follower(path, COORDINATOR.writer, COORDINATOR.public_key)
        told = [path.read_bytes()[line.offset : line.offset + line.size] for line in follower.read()]
    assert follower.broken is not None
    assert told == COORDINATOR.lines[: len(told)]


PLACES_OF_A_LINE = ["run_id", "node_id", "role", "kind", "body", "seq", "wall_ms", "prev", "sig", "schema_version"]


@QUICK
@given(name=st.sampled_from(PLACES_OF_A_LINE), value=JSON, junk=st.one_of(st.none(), st.binary(max_size=200)))
@example(name="run_id", value="../x", junk=None)
@example(name="run_id", value="run-1\n", junk=None)
def test_a_run_whose_first_record_is_anything_can_be_looked_at(name: str, value: Any, junk: bytes | None) -> None:
    """Its first record names the run and the key that all the rest is held against."""
    first = spelled({**json.loads(COORDINATOR.lines[0]), name: value}) if junk is None else junk
    with TemporaryDirectory() as folder:
        journals = Path(folder, "bundle", "journals")
        journals.mkdir(parents=True)
        Path(folder, "bundle", BUNDLE).write_bytes((RUN / BUNDLE).read_bytes())
        (journals / COORDINATOR.writer.file_name).write_bytes(first + b"\n" + COORDINATOR.lines[1] + b"\n")
        batch = RunSource(Path(folder)).read_all()
    assert len(batch.lines) <= 2


@settings(QUICK, max_examples=300)
@given(
    kind=st.sampled_from([*sorted(NODE_BODIES), "surprise"]),
    where=st.integers(0, 63),
    value=JSON,
    to=st.sampled_from(["preparing", "active", "validating"]),
)
def test_a_contributor_with_the_right_key_can_say_anything(kind: str, where: int, value: Any, to: str) -> None:
    """Its signature holds and its words are its own: they become records of the coordinator, or nothing."""
    window = PLACES[to]()
    body = dict(SAID.get(kind, {"x": 1}))
    name = sorted(body)[where % len(body)]
    body[name] = value
    try:
        canonical_bytes(body)
    except MalformedBytes:
        return  # no line has it
    record = win.line("n0", win.BEGAN, 3, kind=kind).model_copy(update={"body": body})
    state, records = arrive(window.state, "n0", record, win.head("n0", 3), window.now)
    assert len(records) <= 1
    for one in records:
        assert type(one) in COORDINATOR_BODIES.values()
        assert len(canonical_bytes(one.to_json())) < MAX_LINE_BYTES - 2048, "it fits into a line of our own journal"
    assert state.nodes.keys() == window.state.nodes.keys()


def _said() -> dict[str, dict[str, Any]]:
    """One true body of each kind that the retained contributors wrote."""
    bodies: dict[str, dict[str, Any]] = {}
    for raw in CONTRIBUTOR.lines:
        record = json.loads(raw)
        bodies.setdefault(record["kind"], record["body"])
    return bodies | {"accelerator_read": accelerator()}  # no retained contributor of the loopback lane has a card


SAID = _said()
PLACES: dict[str, Callable[[], Window]] = {
    "preparing": lambda: Window(1).to_preparing(),
    "active": lambda: Window(1).to_active(),
    "validating": lambda: Window(1).to_validating(),
}


@pytest.mark.parametrize("parse", [parse_strict, stored.parse], ids=["producer", "checker"])
@pytest.mark.parametrize(
    "raw",
    [
        b"{" + b",".join(b'"k%d":1' % number for number in range(150_000)) + b',"k7":2}',
        b"[" * 2_000_000,
        b'{"a":' * 300_000,
        b"9" * 2_000_000,
        b'"' + "é".encode() * 1_000_000 + b'"',
        b'"' + b"\\ud800" * 300_000 + b'"',
        b"[" + b"1e999," * 300_000 + b"1]",
    ],
    ids=["twice_among_many_keys", "deep_lists", "deep_objects", "digits", "long_text", "lone_surrogates", "infinities"],
)
def test_megabytes_made_to_be_slow_end(parse: Callable[[bytes], object], raw: bytes) -> None:
    """Each ends: what grows with the square of its length would run into the limit of this test."""
    refused = ""
    try:
        assert isinstance(parse(raw), str)
    except (MalformedBytes, stored.UnreadableError) as error:
        refused = str(error)
    assert len(refused) < 400, "a message doesn't repeat what it refuses"


def test_a_line_without_end_is_refused_after_one_line_and_a_chunk() -> None:
    reader = JournalReader(CONTRIBUTOR.writer, CONTRIBUTOR.public_key)
    chunk = b"x" * 65_536
    tracemalloc.start()
    try:
        reader.feed(chunk)
        with pytest.raises(MalformedBytes, match=f"at most {MAX_LINE_BYTES} bytes, got 131072 without a newline"):
            reader.feed(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


@QUICK
@example(name=10, value=3.6701399696960264e16)  # of a whole number, and canonically spelled as one past 2^53
@given(name=st.integers(0, 63), value=JSON)
def test_a_plan_with_anything_in_any_place_is_refused_by_name(name: int, value: Any) -> None:
    body = json.loads((RUN / "contract" / "window_plan.json").read_bytes())
    body[sorted(body)[name % len(body)]] = value
    _refused_or_true(WindowPlan, body)


def _refused_or_true(cls: type[Word], body: Any) -> None:
    try:
        word = word_from_json(cls, body)
    except ContractError:
        return
    assert canonical_bytes(word.to_json()) == canonical_bytes(body)
