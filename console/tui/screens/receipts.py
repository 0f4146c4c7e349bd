"""Place 2: the receipts over the whole screen, and beside them the one under the cursor where it is wide."""

from collections.abc import Iterable

from textual.containers import Horizontal
from textual.widget import Widget

from console.tui.screens.place import Place
from console.tui.view import View
from console.tui.widgets.filter_line import FilterLine
from console.tui.widgets.panel import Panel
from console.tui.widgets.receipt_detail import ReceiptDetail
from console.tui.widgets.receipts import ReceiptsView


class Receipts(Place):
    NAME = "receipts"

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="bottom"):
            yield ReceiptsView(id="receipts")
            yield ReceiptDetail(id="detail", whole=True)
        yield FilterLine()

    def on_mount(self) -> None:
        self.query_one(ReceiptsView).focus()

    def on_panel_opened(self, event: Panel.Opened) -> None:
        event.stop()
        self.app.open_receipt(self.query_one(ReceiptDetail).receipt)

    def show(self, view: View) -> None:
        attachment = self.app.attachment
        receipts = self.query_one(ReceiptsView)
        receipts.show(attachment, view.snapshot.names, self.app.filter, view.snapshot.cause)
        if self.has_class("-wide"):
            self.query_one(ReceiptDetail).look(attachment, receipts.chosen)
        super().show(view)
