"""A journal that ends at any byte: its whole records are there, its torn tail is named, and its writer goes on."""

from pathlib import Path

import pytest

from console.coordination.run_journal import RunJournal, read_past
from console.observation.follower import Follower
from runners.contract import coordinator_records as rec
from runners.contract.journal import GENESIS, Writer
from runners.contract.node_records import Began
from runners.contract.states import Classification
from runners.records import journal_file
from runners.records.clock import Clock
from runners.records.journal_file import JournalFile, JournalReader
from runners.records.keys import SigningKey
from tests.coordination.window import opened
from tests.hostile.golden import golden

KEY = SigningKey.generate()
NODE = Writer(run_id="run-1", node_id="swarm-linux-a", role="contributor", revision=0, epoch=0)
FIXED = Clock(wall_ms=lambda: 1_000, mono_ms=lambda: 1_000)


@pytest.fixture(autouse=True)
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is cut here is cut by the test, not by a power failure."""
    monkeypatch.setattr(journal_file, "sync_fd", lambda _: None)
    monkeypatch.setattr(journal_file, "sync_folder", lambda _: None)


@pytest.mark.parametrize("role", ["contributor", "coordinator"])
def test_cut_at_any_byte_the_whole_records_are_read_and_the_torn_tail_is_known(role: str) -> None:
    whole = golden(role)
    reader = JournalReader(whole.writer, whole.public_key)
    for end, raw in zip(whole.ends, whole.lines, strict=True):
        start = reader.head
        for cut in range(start.offset, end):
            resumed = JournalReader(whole.writer, whole.public_key, head=start)
            assert resumed.feed(whole.raw[start.offset : cut]) == []
            assert (resumed.pending_bytes, resumed.next_offset) == (cut - start.offset, cut)
        (line,) = reader.feed(whole.raw[start.offset : end])
        assert (line.raw, reader.pending_bytes, reader.head.offset) == (raw, 0, end)


@pytest.mark.parametrize("role", ["contributor", "coordinator"])
def test_read_from_its_start_at_each_end_of_a_line_and_beside_it(role: str) -> None:
    whole = golden(role)
    for number, end in enumerate(whole.ends[:6], start=1):
        for cut, lines in ((end - 1, number - 1), (end, number), (end + 1, number)):
            reader = JournalReader(whole.writer, whole.public_key)
            assert [line.raw for line in reader.feed(whole.raw[:cut])] == whole.lines[:lines]


def test_a_file_that_grows_byte_by_byte_is_told_line_by_line(tmp_path: Path) -> None:
    whole = golden("contributor")
    path, told = tmp_path / whole.writer.file_name, []
    path.write_bytes(b"")
    follower = Follower(path, whole.writer, whole.public_key)
    with path.open("ab", buffering=0) as file:
        for byte in whole.raw[: whole.ends[5]]:
            file.write(bytes([byte]))
            told += [(line.offset, line.size) for line in follower.read()]
    assert follower.broken is None
    assert told == [(end - len(raw) - 1, len(raw)) for end, raw in zip(whole.ends[:6], whole.lines, strict=False)]


def test_the_writer_goes_on_after_a_cut_at_any_byte(tmp_path: Path) -> None:
    path = tmp_path / NODE.file_name
    journal = JournalFile(path, NODE, KEY, clock=FIXED)
    lines = [journal.append("began", Began(begin_digest=digit * 64)).raw for digit in "ab"]
    journal.close()
    whole = path.read_bytes()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        kept = whole[:cut].count(b"\n")
        again = JournalFile(path, NODE, KEY, clock=FIXED)
        assert again.cut_bytes == cut - sum(len(raw) + 1 for raw in lines[:kept])
        assert again.head.next_seq == kept
        added = again.append("began", Began(begin_digest="c" * 64))
        again.close()
        assert path.read_bytes().split(b"\n") == [*lines[:kept], added.raw, b""]
        assert added.record.seq == kept


def took_over(folder: Path, whole: bytes, cut: int) -> None:
    """A coordinator's journal that ends there, its successor, and the successor's successor."""
    path = folder / "swarm-mac-a.coordinator.r0.e0.jsonl"
    path.write_bytes(whole[:cut])
    kept = whole[:cut].split(b"\n")[:-1]
    torn = cut - sum(len(raw) + 1 for raw in kept)
    RunJournal.open(folder, "run-1", "swarm-mac-a", KEY, FIXED).close()
    past = read_past(folder, "run-1", "swarm-mac-a", KEY)
    assert path.read_bytes().split(b"\n")[:-1] == kept
    added = [(record.kind, record.body) for record in past.records[len(kept) :]]
    assert [kind for kind, _ in added] == ["epoch_opened", *(["recovered"] if torn else [])]
    assert added[1:] == ([("recovered", {"cut_bytes": torn})] if torn else [])
    assert (added[0][1]["previous_tail"] == GENESIS) is (not kept)
    for extra in folder.glob("*.e1.jsonl"):
        extra.unlink()


def coordinators_journal(folder: Path) -> bytes:
    journal = RunJournal.open(folder, "run-1", "swarm-mac-a", KEY, FIXED)
    journal.append(opened(1))
    journal.append(rec.Closed(classification=Classification.REJECTED, reason="r", heads=()))
    journal.close()
    return journal.file.path.read_bytes()


def test_the_coordinator_takes_over_after_a_cut_anywhere(tmp_path: Path) -> None:
    whole = coordinators_journal(tmp_path)
    for cut in {*range(0, len(whole), 13), *(whole.index(b"\n") + beside for beside in (0, 1, 2)), len(whole) - 1}:
        took_over(tmp_path, whole, cut)


@pytest.mark.soak
def test_the_coordinator_takes_over_after_a_cut_at_any_byte(tmp_path: Path) -> None:
    whole = coordinators_journal(tmp_path)
    for cut in range(len(whole) + 1):
        took_over(tmp_path, whole, cut)
