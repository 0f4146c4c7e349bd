"""What a process printed: the line that matters on top, noise folded, nothing of it dangerous."""

from console.observation.output import last_meaningful, readable

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
