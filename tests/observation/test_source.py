"""The source shows nothing that it has not verified."""

from itertools import pairwise
from pathlib import Path

import pytest

from console.observation import follower
from console.observation.errors import NotARun
from console.observation.line import Proof
from console.observation.source import RunSource
from runners.contract import coordinator_records as coord
from runners.contract import node_records as node
from runners.contract.states import Classification
from tests.observation import make_run, recorded_journals, recorded_window
from tests.observation.recorded_journals import LINUX, MAC, Recorder, Recording
from tests.observation.watching import Watch

MIRRORED = f"{LINUX}.contributor.r1.e1.jsonl"
COORDINATED = f"{MAC}.coordinator.r0.e1.jsonl"


def journal(run_dir: Path, name: str) -> Path:
    return next(run_dir.rglob(name))


def test_every_line_of_a_run_is_read_once_and_verified(healthy: Recording, run_dir: Path) -> None:
    watch = Watch(healthy.write(run_dir)).poll().poll()
    counters = watch.source.counters()
    assert (counters.read, counters.signed, counters.chained) == (len(healthy.entries), len(healthy.entries), 0)
    assert counters.broken_journals == 0


def test_a_run_read_in_pieces_gives_every_line_once(healthy: Recording, run_dir: Path) -> None:
    watch, last = Watch(run_dir), -1
    for cut in range(0, healthy.end_ms + 700, 700):
        healthy.write(run_dir, since_ms=last, until_ms=cut)
        last = cut
        watch.poll(cut)
    assert watch.source.counters().read == len(healthy.entries)


def test_a_line_still_being_written_is_left_for_later(healthy: Recording, run_dir: Path) -> None:
    healthy.write(run_dir, until_ms=9000)
    path = journal(run_dir, MIRRORED)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    watch = Watch(run_dir).poll()
    before = watch.source.counters().read
    path.write_bytes(whole)
    watch.poll()
    assert watch.source.counters().read == before + 1
    assert watch.observer.state.findings == ()


def test_a_changed_byte_stops_that_journal_and_is_named(healthy: Recording, run_dir: Path) -> None:
    healthy.write(run_dir)
    path = journal(run_dir, MIRRORED)
    raw = path.read_bytes()
    lines = raw.split(b"\n")
    lines[5] = lines[5].replace(b'"step":', b'"stap":')
    path.write_bytes(b"\n".join(lines))
    watch = Watch(run_dir).poll()
    (finding,) = watch.observer.state.findings
    assert finding.file == MIRRORED
    assert finding.offset == len(b"\n".join(lines[:5])) + 1
    assert sum(line.startswith(MIRRORED.encode()) for line in lines) == 0
    host = watch.observer.state.host(LINUX)
    assert host is not None
    assert host.work.step == 0


def test_a_record_signed_by_another_key_is_refused(run_dir: Path, tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    recorded_window.opening(run)
    recording = run.close()
    recording.write(run_dir)
    forger = Recorder(tmp_path / "forged")
    (tmp_path / "forged").mkdir()
    forger.put(5000, MAC, "log", node.Log(level="info", text="I am linux"), revision=1)
    forged = forger.close().entries[0].raw.replace(MAC.encode(), LINUX.encode())
    (run_dir / "mac" / "coordinator" / "mirror" / MIRRORED).write_bytes(forged + b"\n")
    watch = Watch(run_dir).poll()
    (finding,) = watch.observer.state.findings
    assert "signature" in finding.what


def test_a_node_journal_waits_for_the_coordinator_to_name_its_key(healthy: Recording, run_dir: Path) -> None:
    healthy.write(run_dir, until_ms=9000)
    path = journal(run_dir, COORDINATED)
    whole = path.read_bytes()
    lines = whole.split(b"\n")
    path.write_bytes(b"\n".join(lines[:3]) + b"\n")
    watch = Watch(run_dir).poll()
    assert watch.source.counters().read == 3
    path.write_bytes(whole)
    watch.poll()
    assert watch.source.counters().read == sum(entry.at_ms <= 9000 for entry in healthy.entries)


def test_a_journal_that_does_not_open_the_run_is_reported(healthy: Recording, run_dir: Path) -> None:
    healthy.write(run_dir, until_ms=4000)
    path = journal(run_dir, COORDINATED)
    path.write_bytes(b"\n".join(path.read_bytes().split(b"\n")[1:]))
    (finding,) = Watch(run_dir).poll().observer.state.findings
    assert "expected run_opened" in finding.what


def test_a_line_without_end_is_refused(healthy: Recording, run_dir: Path) -> None:
    healthy.write(run_dir, until_ms=9000)
    with journal(run_dir, MIRRORED).open("ab") as stream:
        stream.write(b"x" * 1_000_000)
    (finding,) = Watch(run_dir).poll().observer.state.findings
    assert "without a newline" in finding.what


def test_a_journal_that_shrank_below_what_was_verified_is_reported(healthy: Recording, run_dir: Path) -> None:
    healthy.write(run_dir, until_ms=9000)
    watch = Watch(run_dir).poll()
    journal(run_dir, MIRRORED).write_bytes(b"")
    (finding,) = watch.poll().observer.state.findings
    assert "verified before" in finding.what


@pytest.mark.parametrize("place", ["symlink", "folder"])
def test_what_is_no_regular_file_is_not_read(place: str, healthy: Recording, run_dir: Path, tmp_path: Path) -> None:
    healthy.write(run_dir, until_ms=9000)
    path = journal(run_dir, MIRRORED)
    if place == "symlink":
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.unlink()
        path.mkdir()
    state = Watch(run_dir).poll().observer.state
    host = state.host(LINUX)
    assert host is not None
    assert host.work.beat == 0


def test_a_coordinator_that_took_over_must_follow_the_journal_before(run_dir: Path, tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    recorded_window.opening(run)
    taken = coord.EpochOpened(
        pid=2, previous_file=COORDINATED, previous_tail=recorded_journals.sha("other"), gap_ms=900
    )
    run.put(9000, "coordinator", "epoch_opened", taken, epoch=2)
    run.close().write(run_dir)
    (finding,) = Watch(run_dir).poll().observer.state.findings
    assert f"expected to follow {COORDINATED}" in finding.what


def test_a_bundle_is_read_by_the_same_code(healthy: Recording, run_dir: Path) -> None:
    run_dir.mkdir()
    healthy.write_bundle(run_dir, Classification.BOUNDED_SUCCESS)
    by_run, by_bundle = Watch(run_dir).poll(), Watch(run_dir / "bundle").poll()
    assert by_run.source.counters().read == by_bundle.source.counters().read == len(healthy.entries)


def test_a_folder_without_journals_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(NotARun, match="expected a run folder or a bundle"):
        RunSource(tmp_path).poll()


def test_a_long_journal_is_chained_at_once_and_signatures_follow(run_dir: Path, tmp_path: Path) -> None:
    make_run.write_long_run(run_dir, tmp_path, 1200)
    watch = Watch(run_dir, now_ms=20_000).poll()
    counters = watch.source.counters()
    assert counters.chained > 1000
    assert watch.ring[len(watch.ring) - 1].proof is Proof.SIGNED
    while watch.source.prove(500):
        pass
    assert watch.source.counters().chained == 0
    assert watch.source.proved_to(MIRRORED) == journal(run_dir, MIRRORED).stat().st_size


def test_every_part_of_a_long_journal_ends_in_a_line_whose_signature_was_checked(
    run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "CHUNK_BYTES", 16_384)
    monkeypatch.setattr(follower, "BULK_BYTES", 4096)
    make_run.write_long_run(run_dir, tmp_path, 1200)
    rows = Watch(run_dir, now_ms=20_000).poll().ring.rows
    signed = [row.ref.offset + row.ref.size for row in rows
              if row.ref and row.ref.file == MIRRORED and row.proof is Proof.SIGNED]  # fmt: skip
    assert max(after - before for before, after in pairwise(signed)) <= 16_384
    assert signed[-1] + 1 == journal(run_dir, MIRRORED).stat().st_size


def test_a_bad_signature_in_the_middle_of_a_long_journal_is_found_while_proving(run_dir: Path, tmp_path: Path) -> None:
    make_run.write_long_run(run_dir, tmp_path, 600)
    path = journal(run_dir, MIRRORED)
    lines = path.read_bytes().split(b"\n")
    # A wrong signature with a chain that was made anew over it: only the writer could do that, and it shows.
    tampered = lines[300].replace(b'"sig":"', b'"sig":"0000')[: len(lines[300]) + 4]
    path.write_bytes(b"\n".join([*lines[:300], tampered, *lines[301:]]))
    watch = Watch(run_dir, now_ms=20_000).poll()
    (finding,) = watch.observer.state.findings
    assert finding.offset == len(b"\n".join(lines[:300])) + 1
