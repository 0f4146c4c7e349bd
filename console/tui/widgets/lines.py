"""The one base of everything that scrolls: lines drawn when they are seen, and a cursor."""

from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from textual.actions import SkipAction
from textual.binding import BindingType
from textual.content import Content
from textual.events import Click, Leave, MouseMove, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import Reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.tui.drawing.offers import Offer, offer_at, offers
from console.tui.drawing.paint import Painted, pieces
from console.tui.drawing.text import Row, row_width
from console.tui.keys import MOVE, key
from console.tui.themes import Palette
from console.tui.widgets.painted_lines import FramedLines, edge

if TYPE_CHECKING:
    from textual import getters

    from console.tui.app import SwarmApp


class LineView(ScrollView, can_focus=True):
    """Subclasses say how many lines there are and draw one; nothing else is ever built."""

    if TYPE_CHECKING:
        app = getters.app(SwarmApp)

    # Textual lays the whole screen out again when it changes. Here nothing but the bar depends on it.
    virtual_size = Reactive(Size(0, 0))

    BINDINGS: ClassVar[list[BindingType]] = [
        key("up,k", "cursor(-1)", "up", "lines.up", "one line up", MOVE),
        key("down,j", "cursor(1)", "down", "lines.down", "one line down", MOVE),
        key("pageup", "page(-1)", "page up", "lines.page-up", "one screen up", MOVE),
        key("pagedown", "page(1)", "page down", "lines.page-down", "one screen down", MOVE),
        key("home", "edge(-1)", "first", "lines.first", "to the first line", MOVE),
        key("end", "edge(1)", "last", "lines.last", "to the last line", MOVE),
        key("enter", "choose", "open", "lines.open", "open this line", MOVE),
    ]  # fmt: skip

    class Chosen(Message):
        """The line under the cursor is to be opened."""

        def __init__(self, view: "LineView", index: int) -> None:
            super().__init__()
            self.view = view
            self.index = index

        @property
        def control(self) -> "LineView":
            return self.view

    class Clicked(Message):
        """A line was clicked, at a cell of it."""

        def __init__(self, view: "LineView", index: int, x: int) -> None:
            super().__init__()
            self.view = view
            self.index = index
            self.x = x

        @property
        def control(self) -> "LineView":
            return self.view

    class Moved(Message):
        """The cursor is on another line."""

    def __init__(self, *, id: str, cursor: bool = True) -> None:
        super().__init__(id=id)
        self._styles_cache = FramedLines()
        self.index = 0
        self.has_cursor = cursor
        self._offers: tuple[Offer, ...] = ()  # on the line below
        self._lit = -1  # the one under the mouse
        self.show_horizontal_scrollbar = False

    def line_count(self) -> int:
        raise NotImplementedError

    def line(self, index: int, width: int) -> Row:
        raise NotImplementedError

    @property
    def palette(self) -> Palette:
        return self.app.palette

    def update_lines(self) -> None:
        """There are more, fewer or other lines than before. The bar is judged here too: after a smaller screen came
        before its fewer lines, it would stay beside a list that has nothing to scroll."""
        if self.size.height:
            self.show_vertical_scrollbar = self.line_count() > self.size.height
        self.virtual_size = Size(self.scrollable_content_region.width, self.line_count())
        self._scroll_update(self.virtual_size)
        self.index = max(0, min(self.index, self.line_count() - 1))
        self.refresh()

    def entitle(self, title: Content | None = None, subtitle: Content | None = None) -> None:
        """On the border. None leaves it as it is; what is news is painted, and none of the lines within."""
        if title is not None and title != self._border_title:
            self._border_title = title
            self.refresh(Region(-self.content_offset.x, -1, self.outer_size.width, 1))
        before = self._border_subtitle
        if subtitle is not None and (before is None or not subtitle.is_same(before)):  # equal words may be lit or not
            self._border_subtitle = subtitle
            self.refresh(Region(-self.content_offset.x, self.size.height, self.outer_size.width, 1))

    def offer(self, told: str) -> None:
        """On the line below: what can be done here. Words that name a key, as `<leaf.back> back`, can be clicked."""
        self._offers = offers(told, self.app.key_names)
        self._show_offers()

    def _show_offers(self) -> None:
        pieces = ((one.text, "$accent" if place == self._lit else "") for place, one in enumerate(self._offers))
        self.entitle(subtitle=Content.assemble(*pieces))

    def _offer_at(self, x: int, y: int) -> int:
        """The words end three cells before the corner does, as Textual sets them."""
        begin = self.outer_size.width - 3 - row_width(tuple((one.text, "") for one in self._offers))
        return offer_at(self._offers, x - begin) if y == self.outer_size.height - 1 and begin > 2 else -1

    def on_mouse_move(self, event: MouseMove) -> None:
        self._light(self._offer_at(event.x, event.y))

    def on_leave(self, event: Leave) -> None:  # noqa: ARG002
        self._light(-1)

    def _light(self, place: int) -> None:
        if place != self._lit:
            self._lit = place
            self._show_offers()

    def refresh_line(self, index: int) -> None:
        self.refresh(Region(-self.content_offset.x, index - round(self.scroll_y), self.outer_size.width, 1))

    def render_line(self, y: int) -> Strip:
        """Within the border."""
        width = self.scrollable_content_region.width
        return Painted(self._pieces(y, width), width)

    def framed_line(self, y: int) -> Strip:
        """From edge to edge; where the bar is, it is painted over it."""
        width, whole = self.scrollable_content_region.width, self.outer_size.width
        side = edge(self.styles.border_left[1].rich_color, self.palette.ground)
        right = " " * (whole - width - 3) + "│"
        return Painted([("│", side), (" ", side), *self._pieces(y, width), (right, side)], whole)

    def _pieces(self, y: int, width: int) -> list[tuple[str, Style]]:
        index = y + round(self.scroll_y)
        if index >= self.line_count():
            return pieces((), width, self.palette)
        chosen = self.has_cursor and self.has_focus and index == self.index
        if not chosen:
            return pieces(self.line(index, width), width, self.palette)
        # Without colours a shade is not enough: there may be none between black and white.
        return pieces(self.line(index, width), width, self.palette, "cursor", reverse=self.app.no_color)

    def move_to(self, index: int) -> None:
        """Cursor and view; the old and the new line are painted, not the rest."""
        index = max(0, min(index, self.line_count() - 1))
        before, self.index = self.index, index
        self.refresh_line(before)
        self.refresh_line(index)
        top, rows = round(self.scroll_y), self.scrollable_content_region.height
        if index < top:
            self.scroll_to(y=index, animate=False)
        elif index >= top + rows:
            self.scroll_to(y=index - rows + 1, animate=False)
        self.post_message(self.Moved())

    def put_on_top(self, index: int) -> None:
        """Cursor and view: there the line stays in view, however many are left for the list."""
        self.move_to(index)
        self.scroll_to(y=index, animate=False, force=True)  # the bar may not be there yet

    def is_on_top(self, index: int) -> bool:
        """Is the line in view, with nothing above it that could make room?"""
        top, rows = round(self.scroll_y), self.scrollable_content_region.height
        return top == min(index, round(self.max_scroll_y)) and index < top + rows

    def action_cursor(self, step: int) -> None:
        if self.has_cursor:
            self.move_to(self.index + step)
        else:
            self.scroll_relative(y=step, animate=False)

    def action_page(self, step: int) -> None:
        rows = max(1, self.scrollable_content_region.height - 1)
        self.action_cursor(step * rows)

    def action_edge(self, step: int) -> None:
        if self.has_cursor:
            self.move_to(0 if step < 0 else self.line_count() - 1)
        else:
            self.scroll_to(y=0 if step < 0 else self.line_count(), animate=False)

    def action_choose(self) -> None:
        if not self.has_cursor:
            raise SkipAction  # the page may have a use for the key
        if self.line_count():
            self.post_message(self.Chosen(self, self.index))

    def on_click(self, event: Click) -> None:
        place = event.get_content_offset(self)
        if place is None:
            if (at := self._offer_at(event.x, event.y)) >= 0:
                self.app.simulate_key(self.app.key_names.pressed(self._offers[at].binding))
            return
        index = place.y + round(self.scroll_y)
        if self.has_cursor:
            self.move_to(index)
        self.post_message(self.Clicked(self, index, place.x))
        if event.chain > 1 and self.has_cursor and index < self.line_count():
            self.action_choose()

    def on_resize(self, event: Resize) -> None:  # noqa: ARG002
        self.update_lines()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()


class FixedLines(LineView):
    """Lines that are known: help, a record in full, the list of runs."""

    def __init__(self, *, id: str, cursor: bool) -> None:
        super().__init__(id=id, cursor=cursor)
        self._rows: tuple[Row, ...] = ()
        self.stops: tuple[int, ...] = ()  # the lines that up and down lead to; none: every line

    def action_cursor(self, step: int) -> None:
        beyond = [index for index in self.stops if (index - self.index) * step > 0]
        if abs(step) == 1 and beyond:
            self.move_to(min(beyond, key=lambda index: abs(index - self.index)))
        elif abs(step) == 1 and self.stops:
            self.scroll_relative(y=step, animate=False)
        else:
            super().action_cursor(step)

    def show_rows(self, rows: tuple[Row, ...]) -> None:
        if rows != self._rows:
            self._rows = rows
            self.update_lines()

    def line_count(self) -> int:
        return len(self._rows)

    def line(self, index: int, width: int) -> Row:  # noqa: ARG002
        return self._rows[index]
