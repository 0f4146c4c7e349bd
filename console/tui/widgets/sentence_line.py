"""The second line: a click on what it advises presses that key, and is lit before."""

from textual.events import Click, Leave, MouseMove

from console.tui.drawing.header import sentence, sentence_offers
from console.tui.drawing.offers import offer_at
from console.tui.drawing.text import Row
from console.tui.view import View
from console.tui.widgets.block import Block


class SentenceLine(Block):
    def __init__(self) -> None:
        super().__init__(lambda view, width, _: self._lines(view, width), id="sentence")
        self._lit = ""  # the binding under the mouse

    def _lines(self, view: View, width: int) -> tuple[Row, ...]:
        if not self._lit:
            return sentence(view, width)
        pieces = zip(sentence(view, width)[0], sentence_offers(view, width), strict=True)
        return (tuple((text, "accent*" if one.binding == self._lit else role) for (text, role), one in pieces),)

    def on_mouse_move(self, event: MouseMove) -> None:
        self._light(self._binding_at(event.x))

    def on_leave(self, event: Leave) -> None:  # noqa: ARG002
        self._light("")

    def on_click(self, event: Click) -> None:
        binding = self._binding_at(event.x)
        if binding and self._view is not None:
            self.app.simulate_key(self._view.keys.pressed(binding))

    def _binding_at(self, x: int) -> str:
        if self._view is None:
            return ""
        pieces = sentence_offers(self._view, self.size.width)
        place = offer_at(pieces, x)
        return pieces[place].binding if place >= 0 else ""

    def _light(self, binding: str) -> None:
        if binding != self._lit and self._view is not None:
            self._lit = binding
            self.show(self._view)
