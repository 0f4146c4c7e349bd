"""Rows, gauges and contrast, without a screen."""

from collections.abc import Callable
from dataclasses import fields, replace
from itertools import combinations

import pytest

from console.places import data_dir
from console.tui.drawing.box import box
from console.tui.drawing.gauges import bar, bounded, sparkline
from console.tui.drawing.text import clip, ends, fill, fit, fit_words, row_width, wrap
from console.tui.eyes import STATES, TEXTS, contrast, deuteranopia, difference, grey
from console.tui.few_colours import in_256, shown
from console.tui.themes import GROUNDS, Palette, SwarmTheme, load_themes

THEMES, PROBLEMS = load_themes((data_dir("themes"),))


def on_256_colours(theme: SwarmTheme) -> SwarmTheme:
    """As such a terminal shows it."""
    few = in_256(theme)
    seen = {field.name: shown(getattr(few.palette, field.name)) for field in fields(Palette)}
    return replace(few, name=f"{theme.name}-256", palette=Palette(**seen))


SEEN = [*THEMES.values(), *map(on_256_colours, THEMES.values())]


def text(row: tuple[tuple[str, str], ...]) -> str:
    return "".join(part for part, _ in row)


@pytest.mark.parametrize("width", range(1, 30))
def test_a_row_is_filled_to_the_cell(width: int) -> None:
    row = (("漢字 and ", "text"), ("more", "ok"))
    assert row_width(fill(row, width)) == width
    assert row_width(fit(row, width)) <= width


def test_what_is_cut_ends_in_an_ellipsis() -> None:
    assert clip("swarm-linux-a", 8) == "swarm-l…"
    assert text(fit((("abc", ""), ("def", "")), 5)) == "abcd…"
    assert text(fit((("abc", ""), ("def", "")), 6)) == "abcdef"


def test_no_figure_is_cut_in_a_sentence() -> None:
    row = (("coordinator waits", ""), (" since 12.5 s of 300 s", ""))
    assert text(fit_words(row, 27)) == "coordinator waits since…"  # not `since 12…`
    assert text(fit_words(row, 33)) == "coordinator waits since 12.5 s o…"
    assert text(fit_words(row, 50)) == text(row)


def test_the_right_end_stays_when_there_is_no_room() -> None:
    assert text(ends((("a long name", ""),), (("9.9", ""),), 8)) == "a lo…9.9"


def test_a_box_has_exactly_its_size() -> None:
    rows = box((("title", "bright*"),), ((("x" * 50, "text"),),) * 9, 20, 6, note="a long note on the line")
    assert len(rows) == 6
    assert {row_width(row) for row in rows} == {20}


@pytest.mark.parametrize(("value", "full"), [(0, 0), (1, 1), (2500, 4), (5000, 8), (7500, 12), (99_000, 12)])
def test_a_gauge_grows_towards_its_bounds(value: int, full: int) -> None:
    row = bounded(value, (1000, 5000, 7500), 12, "ok")
    assert row_width(row) == 12
    assert text(row).count("━") == pytest.approx(full, abs=1)


def test_ticks_stand_at_the_bounds_until_they_are_passed() -> None:
    assert text(bounded(0, (1000, 5000, 7500), 16, "ok")) == "──┼───────┼────┼"
    assert text(bounded(3000, (1000, 5000, 7500), 16, "ok")) == "━━━━━━────┼────┼"


def test_only_all_of_it_is_a_full_bar() -> None:
    assert text(bar(0.999, 10)) == "━" * 9 + "─"
    assert text(bar(0.001, 10)) == "━" + "─" * 9
    assert text(bar(1.0, 10)) == "━" * 10


def test_a_sparkline_falls_with_the_loss() -> None:
    assert sparkline((8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0), 8) == "█▇▆▅▄▃▂▁"
    assert sparkline((1.0, 0.0), 4) == "██▁▁"
    assert sparkline((), 4) == ""
    assert len(sparkline(tuple(map(float, range(1000))), 13)) == 13


def test_words_wrap_and_the_rest_is_an_ellipsis() -> None:
    assert wrap("one two three four", 8, 2) == ["one two", "three f…"]
    assert wrap("one seventeen", 5, 4) == ["one", "seven", "teen"]
    assert wrap("x" * 10_000_000, 5, 2) == ["xxxxx", "xxxx…"]
    assert wrap("漢" * 1000, 5, 2) == ["漢漢", "漢漢…"]


@pytest.mark.parametrize("theme", SEEN, ids=lambda theme: theme.name)
@pytest.mark.parametrize("ground", ["ground", "bar", "cursor"])
def test_every_text_colour_can_be_read_on_every_ground(theme: SwarmTheme, ground: str) -> None:
    for role in TEXTS:
        assert contrast(getattr(theme.palette, role), getattr(theme.palette, ground)) >= 4.5, role


@pytest.mark.parametrize("theme", SEEN, ids=lambda theme: theme.name)
@pytest.mark.parametrize(("eye", "apart"), [(deuteranopia, 10), (grey, 5)])
def test_the_states_stay_apart_for_every_eye(theme: SwarmTheme, eye: Callable[[str], str], apart: int) -> None:
    """By colour alone; glyph and word stand beside it in any case."""
    for one, other in combinations(STATES, 2):
        assert difference(eye(getattr(theme.palette, one)), eye(getattr(theme.palette, other))) > apart


@pytest.mark.parametrize("theme", SEEN, ids=lambda theme: theme.name)
def test_bar_and_cursor_are_seen_on_the_ground(theme: SwarmTheme) -> None:
    """Rich's own choice of 256 makes ground and bar of the dark themes one black."""
    for one, other in combinations(GROUNDS, 2):
        assert difference(getattr(theme.palette, one), getattr(theme.palette, other)) > 1.5


def test_a_theme_that_cannot_be_read_becomes_no_other_one_on_256_colours() -> None:
    dark = THEMES["swarm-dark"]
    pale = replace(dark, palette=Palette(**dict.fromkeys((field.name for field in fields(Palette)), "#eeeeee")))
    few = in_256(pale).palette
    assert {shown(getattr(few, role)) for role in (*GROUNDS, "line", "text", "muted")} == {"#eeeeee"}


def test_eyes_are_computed_as_published() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert difference("#ffffff", "#000000") == pytest.approx(100, abs=0.1)
    assert {deuteranopia(shade) for shade in ("#808080", "#ffffff")} == {"#808080", "#ffffff"}
    # Red and green of one lightness become one hue, and blue stays apart from both.
    red, green, blue = (deuteranopia(one) for one in ("#c00000", "#008000", "#0000ff"))
    assert red[1:3] == red[3:5]
    assert green[1:3] == green[3:5]
    assert difference(blue, red) > difference(red, green)


def test_the_shipped_themes_are_whole() -> None:
    assert PROBLEMS == ()
    assert set(THEMES) == {"swarm-dark", "swarm-light", "swarm-cb"}
