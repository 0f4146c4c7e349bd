"""The line to type a filter into. It filters while it is typed; esc drops the filter, enter keeps it."""

from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.message import Message
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

    HINT = HINT
    LIST = "#receipts"  # which it filters

    def __init__(self) -> None:
        super().__init__(id="filter", placeholder=self.HINT, compact=True, select_on_focus=False)

    def asked(self) -> str:
        """The filter that there is."""
        return self.app.filter.text

    def ask(self) -> None:
        self.value = self.asked()
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
        self.screen.query_one(self.LIST).focus()


class RunsFilterLine(FilterLine):
    """For the list of runs: every word must stand in a run's name or in how it ended, after `!` none may."""

    HINT = "words of a run's name, or of how it ended; !word leaves out"
    LIST = "#lines"

    class Asked(Message):
        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def asked(self) -> str:
        return self._asked

    _asked = ""

    def _say(self, text: str) -> None:
        self._asked = text
        self.post_message(self.Asked(text))
