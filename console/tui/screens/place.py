"""What every place has: two lines on top, the keys at the bottom, and a word when the terminal is too small."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import ScreenResume
from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget

from console.tui.drawing.header import header
from console.tui.drawing.job import job_line
from console.tui.drawing.small import small
from console.tui.drawing.text import Row
from console.tui.keys import MOVE, key
from console.tui.view import View
from console.tui.widgets.block import Block
from console.tui.widgets.key_bar import KeyBar
from console.tui.widgets.lines import LineView
from console.tui.widgets.notice_lines import NoticeLines
from console.tui.widgets.sentence_line import SentenceLine

if TYPE_CHECKING:
    from textual import getters

    from console.tui.app import SwarmApp


class Place(Screen[None]):
    """Data comes down as one frozen View per frame; nothing goes up but messages."""

    if TYPE_CHECKING:  # the app itself imports its screens
        app = getters.app(SwarmApp)

    NAME = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        key("tab,right,l", "app.focus_next", "next panel", "place.next", "the keys to the next panel", MOVE),
        key("left,h", "app.focus_previous", "panel before", "place.previous", "the keys to the panel before", MOVE),
        key("escape", "back", "back out", "place.back", "out of zoom, filter and past, then to the dashboard", MOVE),
    ]  # fmt: skip
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (80, "-narrow"), (120, "-wide")]  # noqa: RUF012 - Textual's own
    VERTICAL_BREAKPOINTS = [(0, "-short"), (24, "-low"), (36, "-high")]  # noqa: RUF012

    _theme: str | None = None  # in whose colours it was drawn last
    _back = True  # what is true now is drawn on it

    def compose(self) -> ComposeResult:
        yield Block(lambda view, width, _: header(view, width), id="header", ground="bar")
        yield SentenceLine()
        yield from self.body()
        yield Block(self._draw_job, id="job", ground="bar")
        yield KeyBar()
        yield NoticeLines()
        yield Block(small, id="small")

    def body(self) -> Iterable[Widget]:
        return ()

    def paged(self) -> Path | str | None:
        """What `o` hands to the pager; None where the page itself is no text."""
        return None

    def _on_screen_resume(self, event: ScreenResume) -> None:
        """What is true now is drawn before Textual paints: it would paint what stood here when the place was left."""
        event.prevent_default()
        if self._theme not in (None, self.app.theme):
            for widget in self.query("Block, LineView"):
                widget.refresh()
        event.refresh_styles = self._css_update_count != self.app._css_update_count
        self._css_update_count = self.app._css_update_count
        self._theme = self.app.theme
        super()._on_screen_resume(event)
        self._back = True
        self.app.touch()
        self.app.frame()

    def on_screen_suspend(self) -> None:
        self._back = False

    def _screen_resized(self, size: Size) -> None:
        """Told also of the size that it has already."""
        if size != self._size:
            super()._screen_resized(size)

    def _compositor_refresh(self) -> None:
        """Not with what stood here when it was left; below a question it goes on."""
        if self._back or self.app.screen is not self:
            super()._compositor_refresh()

    def paint(self) -> None:
        """What a frame changed goes to the terminal now and in one piece. Textual has a message from each widget for
        that, paints the first of them alone and the others a sixtieth of a second later."""
        if self._layout_required or self._scroll_required or self.app._batch_count or self.app.screen is not self:
            return
        widgets = {self, *self.query("*"), *(line.vertical_scrollbar for line in self.query(LineView))}
        if any(widget._layout_required for widget in widgets):
            return  # where things stand comes first
        changed = {widget for widget in widgets if widget._repaint_required} | self._dirty_widgets
        for widget in changed:
            widget._repaint_required = False
        self._compositor.update_widgets(changed)
        self._compositor_refresh()

    def on_resize(self) -> None:
        self.app.touch()

    def _draw_job(self, view: View, width: int, height: int) -> tuple[Row, ...]:  # noqa: ARG002
        return job_line(view, self.app.clock.mono_ms(), width)

    def action_back(self) -> None:
        """One step at a time, the nearest first."""
        self.app.step_back(self)

    @property
    def zoomed(self) -> bool:
        return False

    def zoom(self) -> bool:
        """What has the focus over the whole screen, or back. False where one thing has it anyway."""
        return False

    def told(self, text: str) -> str:
        """Words that name keys, in the operator's own: see `KeyNames.told`."""
        return self.app.key_names.told(text)

    def show(self, view: View) -> None:
        self.set_class(view.job is not None, "busy")
        self.query_one(NoticeLines).fit(view, self.size.width)
        for block in self.query(Block):
            block.show(view)
