"""What a mouse does: it presses the keys of the bottom line, opens lines and panels, turns pages, answers questions."""

from pathlib import Path

from textual.pilot import Pilot

from console.tui.screens.confirm import ConfirmStop
from console.tui.screens.fixed import Record
from console.tui.screens.kept import KeptPage
from console.tui.widgets.lines import LineView
from console.tui.widgets.receipts import ReceiptsView
from runners.contract.states import Classification
from tests.observation.recorded_journals import RUN_ID, Recording
from tests.tui.stage import Stage, settle, shown


def cell_of(pilot: Pilot[None], text: str) -> tuple[int, int]:
    """Where a text stands on the screen; its last occurrence."""
    lines = shown(pilot).splitlines()
    y = max(place for place, line in enumerate(lines) if text in line)
    return lines[y].rindex(text), y


async def click(pilot: Pilot[None], text: str, times: int = 1) -> None:
    await pilot.click(offset=cell_of(pilot, text), times=times)
    await settle(pilot)


async def test_a_key_of_the_bottom_line_is_lit_under_the_mouse_and_pressed_by_a_click(
    healthy: Recording, tmp_path: Path
) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 12_000)
    async with stage.app().run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        bar = pilot.app.screen.query_one("#footer")
        before = bar.rows  # type: ignore[attr-defined]
        await pilot.hover(offset=cell_of(pilot, "4 checks"))
        assert bar.rows != before  # type: ignore[attr-defined]
        await click(pilot, "4 checks")
        assert pilot.app.current_mode == "checks"
        await click(pilot, "x stop")
        assert isinstance(pilot.app.screen, ConfirmStop)
        await click(pilot, "keeps it running")
        assert stage.acts.stopped == []
        await pilot.press("x")
        await settle(pilot)
        await click(pilot, "stops it ")
        assert [run_id for run_id, _ in stage.acts.stopped] == [RUN_ID]


async def test_a_refused_key_that_is_clicked_says_why(tmp_path: Path) -> None:
    async with Stage.empty(tmp_path / "runs").app().run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        await click(pilot, "x stop")
        assert "no run is going on; g starts one" in shown(pilot)
        await pilot.click(offset=(5, 47))
        await settle(pilot)
        assert "no run is going on; g starts one" not in shown(pilot)
        assert "x stop" in shown(pilot)


async def test_one_click_chooses_a_line_and_two_open_it(healthy: Recording, tmp_path: Path) -> None:
    async with Stage.at(tmp_path / "runs", healthy, 12_000).app().run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        receipts = pilot.app.screen.query_one(ReceiptsView)
        await pilot.click(receipts, offset=(10, 4))
        await settle(pilot)
        assert (receipts.index, isinstance(pilot.app.screen, Record)) == (3, False)
        await pilot.click(receipts, offset=(10, 4), times=2)
        await settle(pilot)
        assert isinstance(pilot.app.screen, Record)


async def test_pages_of_a_kept_run_turn_by_a_click_on_their_name(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.at(tmp_path / "runs", healthy, 0)
    stage.finish(Classification.BOUNDED_SUCCESS, 36_000)
    async with stage.app(place="viewer").run_test(size=(160, 48)) as pilot:
        await settle(pilot)
        await pilot.click(LineView, offset=(10, 1), times=2)
        await settle(pilot)
        page = pilot.app.screen
        assert isinstance(page, KeptPage)
        for name in ("files", "timeline", "audit"):
            x, y = cell_of(pilot, f"   {name}   ")
            await pilot.click(offset=(x + 3, y))
            await settle(pilot)
            assert page.section == name


async def test_what_the_second_line_advises_is_lit_under_the_mouse_and_done_by_a_click(
    stale: Recording, tmp_path: Path
) -> None:
    stage = Stage.at(tmp_path / "runs", stale, stale.end_ms)
    stage.finish(Classification.REPLAY_REQUIRED, stale.end_ms + 100)
    async with stage.opened(size=(160, 48), run_id=RUN_ID) as pilot:
        line = pilot.app.screen.query_one("#sentence")
        before = line.rows  # type: ignore[attr-defined]
        at = next(row for row in shown(pilot).splitlines() if "▸" in row).index("e shows the")
        await pilot.hover(offset=(at, 1))
        assert line.rows != before  # type: ignore[attr-defined]
        await pilot.click(offset=(5, 1))  # no advice there
        assert not isinstance(pilot.app.screen, Record)
        await pilot.click(offset=(at + 4, 1))
        await settle(pilot)
        assert isinstance(pilot.app.screen, Record)


async def test_what_stands_on_the_line_below_a_page_is_done_by_a_click(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.closed(tmp_path / "runs", healthy)
    async with stage.opened(size=(160, 48), place="viewer") as pilot:
        await click(pilot, "enter opens")
        assert isinstance(pilot.app.screen, KeptPage)
        at, y = cell_of(pilot, "esc back")
        lines = pilot.app.screen.query_one(LineView)
        before = lines.border_subtitle  # as markup: words and their styles
        await pilot.hover(offset=(at, y))
        assert lines.border_subtitle != before
        await pilot.click(offset=(at - 10, y - 1))  # a line of the page, and no word below it
        assert isinstance(pilot.app.screen, KeptPage)
        await click(pilot, "esc back")
        assert not isinstance(pilot.app.screen, KeptPage)


async def test_two_clicks_on_a_page_without_a_cursor_open_nothing_and_end_nothing(
    stale: Recording, tmp_path: Path
) -> None:
    stage = Stage.at(tmp_path / "runs", stale, stale.end_ms)
    async with stage.opened(size=(160, 48)) as pilot:
        await pilot.press("e")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Record)
        await click(pilot, "its JSON", times=2)
        assert isinstance(pilot.app.screen, Record)
        assert pilot.app.is_running


async def test_a_click_on_the_timeline_shows_the_run_at_that_moment(healthy: Recording, tmp_path: Path) -> None:
    stage = Stage.closed(tmp_path / "runs", healthy)
    async with stage.opened(size=(160, 48), run_id=RUN_ID) as pilot:
        top = next(y for y, line in enumerate(shown(pilot).splitlines()) if line.startswith("╭─ timeline"))
        await pilot.click(offset=(5, top + 2))  # a name, and no moment
        await settle(pilot)
        assert "step in the run's own time" in shown(pilot)
        await pilot.click(offset=(60, top + 2))
        await settle(pilot)
        assert "<< NOT LIVE ‖" in shown(pilot)
        player = pilot.app.attachment.player  # type: ignore[attr-defined]
        assert 0.2 < player.share < 0.5
        pilot.app.unsay()  # type: ignore[attr-defined]
        await settle(pilot)
        await click(pilot, ". back")
        assert pilot.app.attachment.player is None  # type: ignore[attr-defined]
