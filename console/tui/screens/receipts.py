"""Place 2: the receipts over the whole screen."""

from collections.abc import Iterable

from textual.widget import Widget

from console.tui.screens.place import Place
from console.tui.view import View
from console.tui.widgets.filter_line import FilterLine
from console.tui.widgets.receipts import ReceiptsView


class Receipts(Place):
    NAME = "receipts"

    def body(self) -> Iterable[Widget]:
        yield ReceiptsView(id="receipts")
        yield FilterLine()

    def show(self, view: View) -> None:
        self.query_one(ReceiptsView).show(self.app.attachment, view.snapshot.names, self.app.filter)  # type: ignore[attr-defined]
        super().show(view)
