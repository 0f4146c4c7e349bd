"""Receipts that memory doesn't hold: all of them stay reachable, each as it was verified."""

import random
from pathlib import Path

import pytest

from console.observation import file_lines, follower
from console.observation.archive import Archive
from console.observation.facets import Filter, parse_filter
from console.observation.file_lines import LONGEST, FileLines
from console.observation.line import Proof, Ref
from console.observation.receipts import ReceiptRing, Row
from console.observation.sifted import PIECE, Sifted
from console.observation.telling import Tone
from tests.observation.recorded_journals import LINUX, Recording
from tests.observation.watching import Watch


def both(healthy: Recording, run_dir: Path) -> tuple[ReceiptRing, ReceiptRing, Path]:
    """One ring that holds every row, one that holds forty."""
    healthy.write(run_dir)
    whole = Watch(run_dir, now_ms=60_000)
    small = Watch(run_dir, now_ms=60_000)
    small.ring = ReceiptRing(40, Archive(small.source.path_of))
    return whole.poll().ring, small.poll().ring, run_dir


def test_a_row_from_the_journal_is_the_row_that_was_told(healthy: Recording, run_dir: Path) -> None:
    whole, small, _ = both(healthy, run_dir)
    assert small.stored > 40
    assert (len(small), small.total, small.bad) == (len(whole), whole.total, whole.bad)
    assert [small[index] for index in range(len(small))] == [whole[index] for index in range(len(whole))]
    assert all(small.glance(index).ref == whole[index].ref for index in range(len(whole)))


def test_a_strangers_kinds_times_and_offsets_of_any_size_are_held() -> None:
    archive = Archive(lambda _: None)
    far = 5 << 32
    rows = [
        Row(far + place, far + place, LINUX, "contributor", f"kind{place}", "", Tone.PLAIN,
            Ref("a.jsonl", place, far + place, 65536), "ab" * 12, Proof.CHAINED)
        for place in range(1 << 16 | 5)
    ]  # fmt: skip
    archive.extend(rows)
    assert [archive.glance(place) for place in (0, 7, len(rows) - 1)] == [rows[0], rows[7], rows[-1]]


@pytest.mark.parametrize(
    "text", ["kind:heartbeat", "host:mac !kind:heartbeat", "verdict:warn", "step", "verdict:problem clock", "nothing"]
)
def test_a_filter_finds_the_same_wherever_the_rows_are(text: str, healthy: Recording, run_dir: Path) -> None:
    whole, small, _ = both(healthy, run_dir)
    sifted = [Sifted(ring, parse_filter(text)) for ring in (whole, small)]
    for one in sifted:
        one.refresh()
        while one.looks_back:
            one.look_back()
    found, again = ([one[index] for index in range(len(one))] for one in sifted)
    assert found == again


def test_the_next_problem_is_found_in_both_parts_and_both_ways(healthy: Recording, run_dir: Path) -> None:
    whole, small, _ = both(healthy, run_dir)
    for step in (1, -1):
        for start in range(len(whole)):
            assert small.problem(start, step) == whole.problem(start, step)
    assert any(whole.problem(start, 1) is not None for start in range(len(whole)))


def test_looking_back_takes_turns_with_the_screen(healthy: Recording, run_dir: Path) -> None:
    _, small, _ = both(healthy, run_dir)
    ticking = iter(range(1000))
    one = Sifted(small, parse_filter("kind:heartbeat"), clock=lambda: float(next(ticking)))
    one.refresh()
    assert one.looks_back == small.stored > 0
    assert one.look_back()
    assert one.looks_back == max(0, small.stored - PIECE)
    assert one.total <= len(one)


def test_bytes_that_changed_since_are_told_so(healthy: Recording, run_dir: Path) -> None:
    _, small, folder = both(healthy, run_dir)
    index = next(place for place in range(small.stored) if small.glance(place).node_id == LINUX)
    ref = small.glance(index).ref
    assert ref is not None
    path = next(folder.rglob(ref.file))
    raw = path.read_bytes()
    path.write_bytes(raw[: ref.offset + 20] + b"#" + raw[ref.offset + 21 :])
    assert small[index].tone is Tone.BAD
    assert "not those that were verified" in small[index].text
    path.unlink()
    small_again = ReceiptRing(1, Archive(lambda file: path))
    for place in range(5):
        small_again.add(small._rows[place])
    assert "can't be read again" in small_again[0].text


def test_without_a_filter_everything_is_reached(healthy: Recording, run_dir: Path) -> None:
    whole, small, _ = both(healthy, run_dir)
    one = Sifted(small, Filter())
    assert (len(one), one.looks_back, one[0]) == (len(whole), 0, whole[0])


def test_a_journal_read_in_parts_gives_what_one_read_gives(
    healthy: Recording, run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _, _ = both(healthy, run_dir)
    monkeypatch.setattr(follower, "CHUNK_BYTES", 4096)
    watch = Watch(run_dir, now_ms=60_000)
    parts, current = [], []
    while not watch.source.caught_up or watch.source.behind:
        batch = watch.source.poll()
        parts.append(len(batch.lines))
        current.append(watch.source.caught_up)
        for row in watch.observer.take(batch):
            watch.ring.add(row)
    assert sum(part > 0 for part in parts) > 5
    assert current.index(True) == len(current) - 1
    assert not watch.ring.late  # no line came after a later one of another journal
    assert watch.ring.rows == whole.rows


def test_lines_of_a_file_are_the_same_in_pieces_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(5)
    path = tmp_path / "file.txt"
    for _ in range(60):
        data = b"".join(
            b"x" * dice.choice((0, 1, 5, LONGEST - 1, LONGEST, LONGEST + 1, 2000)) + dice.choice((b"\n", b"\n", b""))
            for _ in range(dice.randrange(12))
        )
        path.write_bytes(data)
        monkeypatch.setattr(file_lines, "PIECE", dice.choice((7, 64, 1000, 5000)))
        lines = FileLines(path)
        while not lines.whole:
            lines.grow()
            assert all(len(lines.line(index)) <= LONGEST for index in range(len(lines)))
        lines.grow()
        wanted: list[bytes] = []
        for line in data.split(b"\n")[: -1 if data.endswith(b"\n") or not data else None]:
            wanted += [line[at : at + LONGEST] for at in range(0, len(line), LONGEST)] or [b""]
        got = [lines.line(index).encode() for index in range(len(lines))]
        assert [one for one in got if one] == [one for one in wanted if one]
        lines.close()


def test_an_endless_line_is_shown_before_its_end_is_known(tmp_path: Path) -> None:
    path = tmp_path / "one-line.json"
    path.write_bytes(b"[" + b"0.25," * 1_000_000)
    lines = FileLines(path)
    lines.grow()
    assert not lines.whole
    assert lines.line(0).startswith("[0.25,0.25")
    assert len(lines.line(0)) == LONGEST
    lines.close()
