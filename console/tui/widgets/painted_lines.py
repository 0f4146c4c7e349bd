"""Lines that are passed to the terminal as they were painted."""

from functools import lru_cache
from typing import TYPE_CHECKING

from rich.color import Color
from rich.style import Style
from textual._styles_cache import StylesCache
from textual.filter import ANSIToTruecolor
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    from console.tui.widgets.lines import LineView


class PaintedLines(StylesCache):
    """Of a widget whose lines are whole: Textual's own cache would take each apart for a border, a padding and a filter
    that it doesn't have. Without colours there is a filter, so Textual does it."""

    def render_widget(self, widget: Widget, crop: Region) -> list[Strip]:
        if any(not isinstance(one, ANSIToTruecolor) for one in widget.get_line_filters()):
            return super().render_widget(widget, crop)
        width = widget.outer_size.width
        if width != self._width:
            self.clear()
            self._width = width
        for y in crop.line_range:
            if y in self._dirty_lines or y not in self._cache:
                self._cache[y] = self.line(widget, y)
        self._dirty_lines.difference_update(crop.line_range)
        strips = [self._cache[y] for y in crop.line_range]
        return strips if crop.column_span == (0, width) else [strip.crop(*crop.column_span) for strip in strips]

    def line(self, widget: Widget, y: int) -> Strip:
        return widget.render_line(y)


class FramedLines(PaintedLines):
    """Of a list: its border's sides are painted with each line, top and bottom are Textual's."""

    def line(self, widget: "LineView", y: int) -> Strip:  # type: ignore[override]
        if 0 < y < widget.outer_size.height - 1:
            return widget.framed_line(y - 1)
        (strip,) = StylesCache.render_widget(self, widget, Region(0, y, widget.outer_size.width, 1))
        return strip


@lru_cache(maxsize=64)
def edge(colour: Color, ground: str) -> Style:
    return Style(color=colour, bgcolor=ground)
