"""A widget that shows rows, and repaints only the lines that changed."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.geometry import Region, Size
from textual.reactive import Reactive
from textual.strip import Strip
from textual.widget import Widget

from console.tui.drawing.paint import paint
from console.tui.drawing.text import Row
from console.tui.themes import Palette
from console.tui.view import View
from console.tui.widgets.painted_lines import PaintedLines

if TYPE_CHECKING:
    from textual import getters

    from console.tui.app import SwarmApp


Draw = Callable[[View, int, int], tuple[Row, ...]]


class Block(Widget, can_focus=False):
    """`draw(view, width, height)` is pure; equal rows are not painted again."""

    if TYPE_CHECKING:
        app = getters.app(SwarmApp)

    # Textual lays the whole screen out a second time when it changes. Nothing of a block depends on it.
    virtual_size = Reactive(Size(0, 0))

    def __init__(self, draw: Draw, *, id: str, ground: str = "ground") -> None:
        super().__init__(id=id)
        self._styles_cache = PaintedLines()
        self._draw = draw
        self._ground = ground
        self._view: View | None = None
        self.rows: tuple[Row, ...] = ()
        self._drawn_for = Size(0, 0)  # its rows
        self.painted_lines = 0

    @property
    def palette(self) -> Palette:
        return self.app.palette

    def show(self, view: View) -> None:
        self._view = view
        if not self.display or self.size.width < 1:
            self._drawn_for = Size(0, 0)
            return
        rows = self._draw(view, self.size.width, self.size.height)
        changed = [y for y in range(max(len(rows), len(self.rows))) if rows[y : y + 1] != self.rows[y : y + 1]]
        self.rows, self._drawn_for = rows, self.size
        if changed:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))

    def on_resize(self) -> None:
        if self._view is not None and self._drawn_for != self.size:
            self.rows = ()
            self.show(self._view)

    def render_line(self, y: int) -> Strip:
        self.painted_lines += 1
        row = self.rows[y] if y < len(self.rows) else ()
        return paint(row, self.size.width, self.palette, self._ground)
