"""A block that can have the focus: enter or a click opens what stands behind it."""

from typing import ClassVar

from textual.binding import BindingType
from textual.events import Click
from textual.message import Message
from textual.strip import Strip

from console.tui.drawing.box import EDGES
from console.tui.drawing.paint import paint
from console.tui.drawing.text import Row
from console.tui.keys import HERE, key
from console.tui.widgets.block import Block


class Panel(Block, can_focus=True):
    BINDINGS: ClassVar[list[BindingType]] = [
        key("enter", "open", "open", "panel.open", "what stands behind this panel, whole", HERE),
    ]  # fmt: skip

    class Opened(Message):
        """`x` is where it was clicked; None for a key."""

        def __init__(self, panel: "Panel", x: int | None) -> None:
            super().__init__()
            self.panel = panel
            self.x = x

        @property
        def control(self) -> "Panel":
            return self.panel

    def render_line(self, y: int) -> Strip:
        if not self.has_focus and not self.mouse_hover:
            return super().render_line(y)
        self.painted_lines += 1
        drawn = self.rows[y] if y < len(self.rows) else ()
        edge = "accent" if self.has_focus else "muted"
        row: Row = tuple((text, edge if role == "line" and _is_edge(text) else role) for text, role in drawn)
        return paint(row, self.size.width, self.palette)

    def action_open(self) -> None:
        self.post_message(self.Opened(self, None))

    def on_click(self, event: Click) -> None:
        self.post_message(self.Opened(self, event.x))

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_enter(self) -> None:
        self.refresh()

    def on_leave(self) -> None:
        self.refresh()


def _is_edge(text: str) -> bool:
    return text[:1] in EDGES or text[-1:] in EDGES
