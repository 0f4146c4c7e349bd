"""The line to type a filter into. It filters while it is typed; esc drops the filter, enter keeps it."""

from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.widgets import Input

from console.observation.facets import HINT, parse_filter
from console.tui.keys import FIND, key

if TYPE_CHECKING:
    from textual import getters

    from console.tui.app import SwarmApp


class FilterLine(Input):
    """Not on screen until it is asked for."""

    if TYPE_CHECKING:
        app = getters.app(SwarmApp)

    BINDINGS: ClassVar[list[BindingType]] = [
        key("escape", "drop", "drop filter", "filter.drop", "show every receipt again", FIND),
        key("enter,down", "keep", "keep filter", "filter.keep", "back to the list, filtered", FIND),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__(id="filter", placeholder=HINT, compact=True, select_on_focus=False)

    def ask(self) -> None:
        self.value = self.app.filter.text
        self.cursor_position = len(self.value)
        self.display = True
        self.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._say(event.value)

    def _say(self, text: str) -> None:
        wanted = parse_filter(text)
        self.app.set_filter(wanted)

    def action_drop(self) -> None:
        self.value = ""
        self._say("")
        self.action_keep()

    def action_keep(self) -> None:
        self.display = False
        self.screen.query_one("#receipts").focus()
