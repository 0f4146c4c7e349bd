"""Three seconds to change one's mind."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen

from console.tui.drawing.box import box
from console.tui.drawing.gauges import bar
from console.tui.drawing.text import Row, wrap
from console.tui.keys import ANSWER, key
from console.tui.view import View
from console.tui.widgets.block import Block

if TYPE_CHECKING:
    from textual import getters

    from console.tui.app import SwarmApp


LASTS_MS = 3000


class Countdown(ModalScreen[bool]):
    """Dismisses with True when the time is over or `enter` was pressed, with False for any way out."""

    if TYPE_CHECKING:
        app = getters.app(SwarmApp)

    BINDINGS: ClassVar[list[BindingType]] = [
        key("enter,y", "answer(True)", "now", "countdown.now", "start it at once", ANSWER),
        key("escape,n,x,q", "answer(False)", "cancel", "countdown.cancel", "don't start the drill", ANSWER),
    ]  # fmt: skip

    def __init__(self, what: str, lines: tuple[str, ...]) -> None:
        super().__init__()
        self._what, self._lines = what, lines
        self._began_ms: int | None = None
        self._answered = False

    def compose(self) -> ComposeResult:
        yield Block(self._draw, id="question")

    def on_mount(self) -> None:
        self._began_ms = self._now_ms()
        self.set_interval(0.05, self._look, name="countdown")

    def show(self, view: View) -> None:
        self.query_one(Block).show(view)

    def _now_ms(self) -> int:
        return self.app.clock.mono_ms()

    @property
    def left_ms(self) -> int:
        return LASTS_MS if self._began_ms is None else max(0, self._began_ms + LASTS_MS - self._now_ms())

    def _look(self) -> None:
        if self.left_ms <= 0:
            self.action_answer(True)
        else:
            self.app.touch()

    def _draw(self, view: View, width: int, height: int) -> tuple[Row, ...]:
        left, inner, keys = self.left_ms, width - 4, view.keys
        rows: tuple[Row, ...] = (
            (("starts in ", "text"), (f"{left / 1000:.1f} s ", "warn*"), *bar(left / LASTS_MS, inner - 16, "warn")),
            (),
            *(((part, "muted"),) for line in self._lines for part in wrap(line, inner, 2)),
            (),
            (
                (keys("countdown.cancel"), "bright*"), (" doesn't start it      ", "text"),
                (keys("countdown.now"), "bright*"), (" starts it now", "text"),
            ),
        )  # fmt: skip
        return box(((self._what, "warn*"),), rows, width, height)

    def action_answer(self, answer: bool) -> None:
        if not self._answered:
            self._answered = True
            self.dismiss(answer)
