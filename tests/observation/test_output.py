"""What a process printed: the line that matters on top, noise folded, nothing of it dangerous."""

from pathlib import Path

import pytest

from console.observation.output import last_meaningful, readable
from console.observation.runner_output import runner_output
from console.observation.state import Host

TRACEBACK = """loading the head
Traceback (most recent call last):
  File "/x/y.py", line 3, in <module>
    open_the_head(path)
    ^^^^^^^^^^^^^^^^^^^
HeadMissing: expected lm_head.weight, got no such tensor
"""


def test_the_error_of_a_traceback_is_the_first_line_and_its_frames_are_one_grey_line() -> None:
    lines = readable(TRACEBACK)
    assert [(line.text, line.noise) for line in lines[:1]] == [
        ("HeadMissing: expected lm_head.weight, got no such tensor", False)
    ]
    assert (lines[1].noise, lines[1].folded) == (True, 3)
    assert lines[2].text == "loading the head"


def test_lines_that_differ_only_in_numbers_are_one() -> None:
    lines = readable("step 1 of 3\nstep 2 of 3\nstep 3 of 3\n")
    assert [(line.text, line.folded) for line in lines] == [("step 3 of 3", 2)]


def test_a_progress_bar_leaves_what_stood_last_and_counts_as_noise() -> None:
    assert last_meaningful("done so far\n 10%|#  |\r 20%|## |\n") == "done so far"


def test_escapes_and_control_characters_of_another_host_do_nothing() -> None:
    (line,) = readable("\x1b]0;title\x07\x1b[31mred\x1b[0m \x07bell\u202e\n")
    assert line.text == "red ·bell·"


def test_nothing_printed_is_no_line() -> None:
    assert readable("\n\n") == ()
    assert last_meaningful("") == ""


@pytest.mark.parametrize("word", ["User", "1", "\x1b[", '  File "', "^~", "\u202e", "Z\u0301"])
def test_a_line_without_end_is_read_once_and_not_again_from_each_of_its_places(word: str) -> None:
    """Half a megabyte: what goes back over it takes minutes, and the suite's limit ends it."""
    assert len(readable(word * (512 * 1024 // len(word)) + "\nthe last word")) <= 2


def test_of_a_long_log_the_end_is_read_by_whole_lines_and_what_lies_before_is_counted(tmp_path: Path) -> None:
    root = tmp_path / "linux"
    root.mkdir()
    (root / "n0.contributor.r0.e0.jsonl").touch()
    (root / "log-r0.txt").write_text("".join(f"line {number:06}\n" for number in range(100_000)))
    lines = runner_output(tmp_path, Host("n0")).split("\n")
    assert lines[0] == "(1.1 MB of log-r0.txt come before this)"
    assert all(len(line) == len("line 000000") for line in lines[1:])
    assert lines[-1] == "line 099999"
