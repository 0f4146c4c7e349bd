"""What is painted, and how often: a key's answer waits for every paint before its own."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from textual._styles_cache import StylesCache
from textual.content import Content
from textual.css.stylesheet import Stylesheet
from textual.geometry import Region
from textual.pilot import Pilot
from textual.screen import Screen
from textual.strip import Strip

from console.places import data_dir
from console.tui.drawing.paint import paint
from console.tui.screens.confirm import Question
from console.tui.screens.place import Place
from console.tui.themes import DEFAULT_THEME, load_themes
from console.tui.widgets.block import Block
from console.tui.widgets.lines import LineView
from console.tui.widgets.painted_lines import PaintedLines
from tests.observation.recorded_journals import Recording
from tests.tui.picture import picture
from tests.tui.stage import Stage, settle, shown


class Painted:
    """What the current screen showed at each paint, and how often it was laid out."""

    def __init__(self, pilot: Pilot[None], patch: pytest.MonkeyPatch) -> None:
        self.pictures: list[str] = []
        self.layouts = 0
        paint, lay_out = Screen._compositor_refresh, Screen._refresh_layout

        def painting(screen: Screen[None]) -> None:
            if screen is pilot.app.screen and screen._compositor._dirty_regions:
                paint(screen)
                self.pictures.append(shown(pilot))

        def laying_out(screen: Screen[None], *args: object, **options: object) -> None:
            self.layouts += 1
            lay_out(screen, *args, **options)  # type: ignore[arg-type]

        patch.setattr(Screen, "_compositor_refresh", painting)
        patch.setattr(Screen, "_refresh_layout", laying_out)


@pytest.mark.parametrize("place", ["1", "2"])
async def test_more_receipts_are_painted_at_once_in_one_piece_and_lay_nothing_out(
    place: str, healthy: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 12_000)
    app = stage.app()
    async with app.run_test(size=(160, 48)) as pilot:
        await pilot.press(place)
        await settle(pilot)
        painted = Painted(pilot, monkeypatch)
        stage.play(14_200)
        app.frame()  # nothing is awaited: it is done when this returns
        assert len(painted.pictures) == 1
        await settle(pilot)
        assert set(painted.pictures) == {shown(pilot)}
        assert painted.layouts == 0


async def test_a_place_that_comes_back_is_painted_as_it_is_now_and_never_as_it_was(
    healthy: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 12_000)
    app = stage.app()
    async with app.run_test(size=(160, 48)) as pilot:
        for key in ("2", "1"):
            await pilot.press(key)
            await settle(pilot)
        painted = Painted(pilot, monkeypatch)
        stage.play(14_200)
        app.action_place("receipts")  # nothing is awaited since: no frame of the place that is left comes between
        await settle(pilot)
        assert set(painted.pictures) == {shown(pilot)}


async def test_what_lies_below_a_page_is_not_drawn(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 12_000)
    app = stage.app()
    async with app.run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        dashboard = app.screen
        await pilot.press("question_mark")
        await settle(pilot)
        rows = dashboard.query_one("#hosts", Block).rows
        stage.play(14_200)
        await settle(pilot)
        assert dashboard.query_one("#hosts", Block).rows == rows
        await pilot.press("escape")
        await settle(pilot)
        assert dashboard.query_one("#hosts", Block).rows != rows


async def test_what_lies_below_a_question_goes_on(
    healthy: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 12_000)
    async with stage.app().run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        await pilot.press("x")
        await settle(pilot)
        question = pilot.app.screen
        assert isinstance(question, Question)
        below: list[Region] = []
        refresh = question.refresh

        def refreshing(*regions: Region, **options: bool) -> Screen[bool]:
            below.extend(regions)
            return refresh(*regions, **options)

        monkeypatch.setattr(question, "refresh", refreshing)
        stage.play(14_200)
        await settle(pilot)
        assert below


async def test_each_theme_is_parsed_once(healthy: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[Stylesheet] = []
    parse = Stylesheet.reparse

    def parsing(sheet: Stylesheet) -> None:
        parsed.append(sheet)
        parse(sheet)

    monkeypatch.setattr(Stylesheet, "reparse", parsing)
    stage = Stage.at(tmp_path / "runs", healthy, 12_000)
    app = stage.app()
    async with app.run_test(size=(80, 24)) as pilot:
        for key in "12345":
            await pilot.press(key)
            await settle(pilot)
        for _ in app.themes:
            await pilot.press("t")
            await settle(pilot)
        parsed.clear()
        for _ in app.themes:
            for key in "t12345":
                await pilot.press(key)
                await settle(pilot)
            ground = app.palette.ground
            assert app.screen.styles.background.hex.lower() == ground.lower()
            lines = app.screen.query_one(LineView)
            assert lines.styles.border_top[1].hex.lower() in (app.palette.line.lower(), app.palette.accent.lower())
        assert parsed == []


async def test_a_title_that_is_news_paints_its_line_alone(
    healthy: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Stage.at(tmp_path / "runs", healthy, 12_000).app().run_test(size=(160, 48)) as pilot:
        await pilot.press("5")
        await settle(pilot)
        place = pilot.app.screen
        assert isinstance(place, Place)
        lines = place.query_one(LineView)
        drawn: list[int] = []
        monkeypatch.setattr(lines, "render_line", drawn.append)
        lines.entitle(Content("other runs"), Content("more words"))
        place.paint()
        assert drawn == []
        assert "other runs" in shown(pilot)
        assert "more words" in shown(pilot)


PALETTE = load_themes((data_dir("themes"),))[0][DEFAULT_THEME].palette
GROUNDS = ("ground", "bar", "cursor")
TEXTS = ("", " ", "   two", "plain  ", "漢字", "漢\u0301x", "e\u0301a", "tab\there", "\x1b[31mred", "…", "─┼━")
ROWS = st.lists(st.tuples(st.sampled_from(TEXTS), st.sampled_from(("", "muted", "ok*", "digest"))), max_size=6)


@given(
    row=ROWS, width=st.integers(1, 30), cuts=st.sets(st.integers(1, 29), max_size=4), ground=st.sampled_from(GROUNDS)
)
def test_a_painted_line_is_what_its_segments_are(
    row: list[tuple[str, str]], width: int, cuts: set[int], ground: str
) -> None:
    """Spelled for the terminal, cut, and taken apart: the same cells in the same colours."""
    console = Console(color_system="truecolor", force_terminal=True)
    line = paint(tuple(row), width, PALETTE, ground)
    parts = line.divide([*sorted(cut for cut in cuts if cut < width), width])
    textual = Strip(list(line), width)
    expected = cells(textual.render(console))
    assert cells(line.render(console)) == expected
    assert sum(part.cell_length for part in parts) == line.cell_length == width
    theirs = textual.divide([*sorted(cut for cut in cuts if cut < width), width])
    assert [cells(part.render(console)) for part in parts] == [cells(part.render(console)) for part in theirs]


def cells(spelled: str) -> list[tuple[str, str]]:
    """Each character and the escape before it."""
    assert not re.sub(r"\x1b\[[0-9;]*m", "", spelled).count("\x1b")
    return [(char, sgr) for sgr, text in re.findall(r"\x1b\[([0-9;]+)m([^\x1b]*)\x1b\[0m", spelled) for char in text]


async def test_a_list_looks_the_same_whoever_paints_its_lines(
    healthy: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Stage.at(tmp_path / "runs", healthy, 12_000).app().run_test(size=(160, 48)) as pilot:
        for key in ("1", "2", "down", "question_mark"):
            await pilot.press(key)
            await settle(pilot)
            ours = picture(pilot)
            with monkeypatch.context() as patch:
                patch.setattr(PaintedLines, "render_widget", StylesCache.render_widget)
                for widget in pilot.app.screen.query("*"):
                    widget.refresh()
                assert picture(pilot) == ours
            for widget in pilot.app.screen.query("*"):
                widget.refresh()
