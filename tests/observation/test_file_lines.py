"""A text file of any size, by lines."""

import time
from pathlib import Path

import pytest

from console.observation.file_lines import LONGEST, FileLines


def test_the_first_screen_of_a_large_file_waits_for_no_more_than_its_first_piece(tmp_path: Path) -> None:
    path = tmp_path / "large.log"
    with path.open("wb") as stream:
        stream.write(b"first line\n")
        stream.truncate(1_000_000_000)
    began = time.process_time()
    lines = FileLines(path)
    lines.grow(1)
    assert lines.line(0) == "first line"
    assert time.process_time() - began < 0.05
    assert not lines.whole
    lines.close()


@pytest.mark.parametrize("text", ["a\nb\n", "a\nb", "\n\n", "", "x" * (LONGEST * 3 + 7) + "\nend\n", "é\x1b[31m\n"])
def test_every_byte_of_a_file_is_on_some_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    lines = FileLines(path)
    while not lines.whole:
        lines.grow()
    shown_text = [lines.line(index) for index in range(len(lines))]
    assert all(line.isprintable() and line.isascii() for line in shown_text)
    if text.isascii() and "\x1b" not in text:
        assert "".join(shown_text) == text.replace("\n", "")
    lines.close()
