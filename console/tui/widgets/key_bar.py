"""The keys at the bottom: a click presses the one under the mouse, which is lit; on a word before them, shows them."""

from textual.events import Click, Leave, MouseMove

from console.tui.drawing.footer import footer, piece_at, pieces
from console.tui.widgets.block import Block


class KeyBar(Block):
    def __init__(self) -> None:
        super().__init__(lambda view, width, _: footer(view, width, self._lit), id="footer", ground="bar")
        self._lit = -1

    def on_mouse_move(self, event: MouseMove) -> None:
        self._light(event.x)

    def on_leave(self, event: Leave) -> None:  # noqa: ARG002
        self._light(-1)

    def on_click(self, event: Click) -> None:
        if self._view is None:
            return
        if self._view.notice is not None:
            self.app.unsay()
            return
        place = piece_at(self._view, self.size.width, event.x)
        press = pieces(self._view, self.size.width)[place].press if place >= 0 else ""
        if press:
            self.app.simulate_key(press)

    def _light(self, x: int) -> None:
        lit = -1 if x < 0 or self._view is None else piece_at(self._view, self.size.width, x)
        if lit != self._lit and self._view is not None:
            self._lit = lit
            self.show(self._view)
