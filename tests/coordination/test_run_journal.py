"""The coordinator's own journal over its restarts, on a real disk."""

from pathlib import Path

import pytest

from console.coordination.errors import LostIdentity
from console.coordination.run_journal import RunJournal, read_past
from runners.contract import coordinator_records as rec
from runners.contract.journal import GENESIS
from runners.contract.states import Classification
from runners.records.clock import Clock
from runners.records.keys import SigningKey
from tests.coordination.window import opened

RUN, NODE = "run-1", "swarm-mac-a"


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey.load_or_create(tmp_path / "keys" / "node.pem")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "journals").mkdir()
    return tmp_path / "journals"


def start(folder: Path, key: SigningKey, *bodies: object, clock: Clock | None = None) -> RunJournal:
    journal = RunJournal.open(folder, RUN, NODE, key, clock or Clock())
    for body in bodies:
        journal.append(body)  # type: ignore[arg-type]
    journal.close()
    return journal


def kinds(folder: Path, key: SigningKey) -> list[tuple[int, str]]:
    return [(record.epoch, record.kind) for record in read_past(folder, RUN, NODE, key).records]


def file_of(folder: Path, epoch: int) -> Path:
    return folder / f"{NODE}.coordinator.r0.e{epoch}.jsonl"


def tear(folder: Path, epoch: int) -> None:
    with file_of(folder, epoch).open("ab") as file:
        file.write(b'{"half')


def test_a_first_start_has_no_past_and_says_nothing_of_one(folder: Path, key: SigningKey) -> None:
    journal = start(folder, key, opened(1))
    assert (journal.past.records, journal.epoch) == ((), 0)
    assert kinds(folder, key) == [(0, "run_opened")]


def test_each_start_is_an_epoch_that_names_the_tail_before_it(folder: Path, key: SigningKey) -> None:
    start(folder, key, opened(1))
    before = read_past(folder, RUN, NODE, key)
    journal = start(folder, key)
    (takeover,) = [record for record in read_past(folder, RUN, NODE, key).records if record.epoch == 1]
    assert [record.kind for record in journal.past.records] == ["run_opened"]
    assert (takeover.kind, takeover.body["previous_file"]) == ("epoch_opened", file_of(folder, 0).name)
    assert takeover.body["previous_tail"] == before.tail != GENESIS


def test_the_gap_since_the_last_record_is_on_record_and_never_negative(folder: Path, key: SigningKey) -> None:
    start(folder, key, opened(1), clock=Clock(wall_ms=lambda: 5000))
    start(folder, key, clock=Clock(wall_ms=lambda: 9000))
    start(folder, key, clock=Clock(wall_ms=lambda: 100))
    gaps = [r.body["gap_ms"] for r in read_past(folder, RUN, NODE, key).records if r.kind == "epoch_opened"]
    assert gaps == [4000, 0]


def test_a_torn_tail_is_cut_and_reported_by_the_next_epoch(folder: Path, key: SigningKey) -> None:
    start(folder, key, opened(1))
    whole = file_of(folder, 0).read_bytes()
    tear(folder, 0)
    start(folder, key)
    assert file_of(folder, 0).read_bytes() == whole
    assert kinds(folder, key) == [(0, "run_opened"), (1, "epoch_opened"), (1, "recovered")]
    assert read_past(folder, RUN, NODE, key).records[-1].body == {"cut_bytes": 6}


def test_looking_at_the_past_cuts_nothing(folder: Path, key: SigningKey) -> None:
    start(folder, key, opened(1))
    tear(folder, 0)
    before = file_of(folder, 0).read_bytes()
    assert read_past(folder, RUN, NODE, key).unsaid_bytes == 6
    assert file_of(folder, 0).read_bytes() == before


def test_a_crash_between_the_report_of_a_cut_and_the_cut_does_it_later_and_says_it_once(
    folder: Path, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(folder, key, opened(1))
    tear(folder, 0)
    with monkeypatch.context() as patch:
        patch.setattr("console.coordination.run_journal._cut", lambda *_: None)
        start(folder, key)
    start(folder, key)
    assert [kind for _, kind in kinds(folder, key)].count("recovered") == 1
    assert file_of(folder, 0).read_bytes().endswith(b"\n")


@pytest.mark.parametrize("torn", [b"", b'{"half'])
def test_a_start_that_died_before_its_first_record_is_named_by_its_successor(
    torn: bytes, folder: Path, key: SigningKey
) -> None:
    start(folder, key, opened(1))
    tear(folder, 0)
    file_of(folder, 1).write_bytes(torn)
    start(folder, key)
    records = [record for record in read_past(folder, RUN, NODE, key).records if record.epoch == 2]
    assert [record.kind for record in records] == ["epoch_opened", "recovered"]
    assert (records[0].body["previous_file"], records[0].body["previous_tail"]) == (file_of(folder, 1).name, GENESIS)
    assert records[1].body == {"cut_bytes": 6 + len(torn)}
    assert not [path for path in folder.iterdir() if path.read_bytes()[-1:] not in (b"\n", b"")]


def test_a_run_that_died_before_any_record_starts_in_the_next_epoch(folder: Path, key: SigningKey) -> None:
    file_of(folder, 0).write_bytes(b"")
    journal = start(folder, key, opened(1))
    assert journal.past.records == ()
    assert kinds(folder, key) == [(1, "epoch_opened"), (1, "run_opened")]


def test_another_machines_journal_is_refused_and_left_as_it_is(folder: Path, key: SigningKey, tmp_path: Path) -> None:
    start(folder, SigningKey.load_or_create(tmp_path / "keys" / "other.pem"), opened(1))
    tear(folder, 0)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(LostIdentity, match="expected a journal signed by this machine's key"):
        RunJournal.open(folder, RUN, NODE, key, Clock())
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_journal_that_ends_with_closed_is_closed(folder: Path, key: SigningKey) -> None:
    start(folder, key, opened(1), rec.Closed(classification=Classification.REJECTED, reason="r", heads=()))
    assert read_past(folder, RUN, NODE, key).closed
