"""Place 1: everything about the run at one look."""

from collections.abc import Iterable

from textual.containers import Horizontal
from textual.widget import Widget

from console.observation.detail import RecordDetail, read_detail
from console.observation.errors import ObservationError
from console.observation.host_view import HostView
from console.observation.receipts import Row as Receipt
from console.tui.attachment import Attachment
from console.tui.drawing import detail as detail_drawing
from console.tui.drawing import hosts as hosts_drawing
from console.tui.drawing import timeline as timeline_drawing
from console.tui.drawing.box import box
from console.tui.drawing.hosts import hosts
from console.tui.drawing.operator import operator_log
from console.tui.drawing.result import result
from console.tui.drawing.stops import checklist, strip
from console.tui.drawing.text import Row
from console.tui.drawing.timeline import timeline
from console.tui.screens.place import Place
from console.tui.view import View
from console.tui.widgets.block import Block
from console.tui.widgets.filter_line import FilterLine
from console.tui.widgets.panel import Panel
from console.tui.widgets.receipts import ReceiptsView


class Dashboard(Place):
    NAME = "dashboard"

    def __init__(self) -> None:
        super().__init__()
        self._hosts: tuple[HostView, ...] = ()
        self._detail: tuple[Receipt | None, RecordDetail | None, str] = (None, None, "")

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="top"):
            yield Panel(hosts, id="hosts")
            yield Panel(checklist, id="stops")
        yield Block(lambda view, width, _: strip(view, width), id="strip")
        yield Panel(lambda view, width, _: result(view, width), id="result")
        yield Panel(timeline, id="timeline")
        with Horizontal(id="bottom"):
            yield ReceiptsView(id="receipts")
            yield Panel(self._draw_detail, id="detail")
        yield FilterLine()
        yield Panel(operator_log, id="operator")

    def on_mount(self) -> None:
        self.query_one(ReceiptsView).focus()

    def zoom(self) -> bool:
        widget = self.focused
        before = set(self.query(".zoomed"))
        for one in before:
            one.remove_class("zoomed", update=False)  # once for all, by the screen's own class
        if before or widget is None:
            self.remove_class("zoom")
            return bool(before)
        for one in (widget, *(parent for parent in widget.ancestors if isinstance(parent, Horizontal))):
            one.add_class("zoomed", update=False)
        self.add_class("zoom")
        return True

    def on_panel_opened(self, event: Panel.Opened) -> None:
        """Behind each panel stands a page."""
        event.stop()
        match event.panel.id:
            case "hosts":
                self.app.action_host(self._host_at(event.x))  # type: ignore[attr-defined]
            case "stops":
                self.app.action_place("checks")  # type: ignore[attr-defined]
            case "result":
                self.app.open_watched_bundle()  # type: ignore[attr-defined]
            case "detail":
                self.app.open_receipt(self._detail[0])  # type: ignore[attr-defined]
            case "operator":
                self.app.action_acts()  # type: ignore[attr-defined]
            case _:
                self.app.notice("[ ] and { } step through the run's own time")  # type: ignore[attr-defined]

    def _host_at(self, x: int | None) -> int | None:
        """The panel that was clicked."""
        width = self.query_one("#hosts").size.width
        if x is None or not self._hosts:
            return None
        return x * hosts_drawing.columns(len(self._hosts), width) // max(1, width)

    def show(self, view: View) -> None:
        self._hosts = view.snapshot.hosts
        self._arrange(view)
        attachment: Attachment | None = self.app.attachment  # type: ignore[attr-defined]
        self.query_one(ReceiptsView).show(attachment, view.snapshot.names, self.app.filter)  # type: ignore[attr-defined]
        self._read_detail(attachment)
        super().show(view)

    def _arrange(self, view: View) -> None:
        """Heights that follow from how many hosts there are and how much room."""
        if self.has_class("zoom"):
            self.query_one("#top").styles.height = self.query_one("#timeline").styles.height = "1fr"
            return
        count, wide = len(view.snapshot.hosts), self.has_class("-wide")
        closed = view.snapshot.state.closed is not None
        self.set_class(closed, "closed")
        width = self.size.width - (47 if wide else 0)
        room = self.size.height - (9 if not closed else 14)
        if self.has_class("-high"):
            room -= timeline_drawing.height(max(2, count)) + 8
        self.query_one("#top").styles.height = hosts_drawing.height(count, width, max(room, 10))
        self.query_one("#timeline").styles.height = timeline_drawing.height(max(2, count))

    def _read_detail(self, attachment: Attachment | None) -> None:
        """The chosen receipt, read again from disk; only when it is another one than before."""
        chosen = self.query_one(ReceiptsView).chosen
        if chosen is self._detail[0] or not self.has_class("-wide"):
            return
        self._detail = (chosen, *read_again(attachment, chosen))

    def _draw_detail(self, view: View, width: int, height: int) -> tuple[Row, ...]:  # noqa: ARG002
        _, detail, problem = self._detail
        if detail is not None:
            rows = detail_drawing.summary(detail, width - 4)
        else:
            rows = (((problem or "the receipt under the cursor is checked again here", "muted"),),)
        return box((("receipt", "bright*"),), rows, width, height, note="enter whole · y copy digest" if detail else "")


def read_again(attachment: Attachment | None, chosen: Receipt | None) -> tuple[RecordDetail | None, str]:
    """The record from disk, or why there is none."""
    if attachment is None or chosen is None:
        return None, ""
    if chosen.ref is None:
        return None, chosen.text
    path = attachment.source.path_of(chosen.ref.file)
    if path is None:
        return None, "its journal is not followed any more"
    key = attachment.source.key_of(chosen.node_id, chosen.role)
    try:
        return read_detail(path, chosen.ref, expected_sha256=chosen.sha256, public_key=key), ""
    except ObservationError as error:
        return None, str(error)
