"""Place 1: everything about the run at one look."""

from collections.abc import Iterable

from textual.binding import Binding
from textual.containers import Horizontal
from textual.events import Key
from textual.widget import Widget

from console.observation.host_view import HostView
from console.tui.drawing import hosts as hosts_drawing
from console.tui.drawing import result as result_drawing
from console.tui.drawing import timeline as timeline_drawing
from console.tui.drawing.hosts import hosts
from console.tui.drawing.operator import operator_log
from console.tui.drawing.result import result
from console.tui.drawing.stops import checklist, strip
from console.tui.drawing.timeline import timeline
from console.tui.screens.place import Place
from console.tui.view import View
from console.tui.widgets.block import Block
from console.tui.widgets.filter_line import FilterLine
from console.tui.widgets.panel import Panel
from console.tui.widgets.receipt_detail import ReceiptDetail
from console.tui.widgets.receipts import ReceiptsView


class Dashboard(Place):
    NAME = "dashboard"

    def __init__(self) -> None:
        super().__init__()
        self._hosts: tuple[HostView, ...] = ()
        self._view: View | None = None

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="top"):
            yield Panel(hosts, id="hosts")
            yield Panel(checklist, id="stops")
        yield Block(lambda view, width, _: strip(view, width), id="strip")
        yield Panel(lambda view, width, _: result(view, width), id="result")
        yield Panel(timeline, id="timeline")
        with Horizontal(id="bottom"):
            yield ReceiptsView(id="receipts")
            yield ReceiptDetail(id="detail")
        yield FilterLine()
        yield Panel(operator_log, id="operator")

    def on_mount(self) -> None:
        self.query_one(ReceiptsView).focus()

    async def on_key(self, event: Key) -> None:
        """What is done to receipts is done to those on the screen, whatever panel has the focus."""
        if event.key in self.active_bindings:
            return
        receipts, names = self.query_one(ReceiptsView), self.app.key_names
        for binding in ReceiptsView.BINDINGS:
            if isinstance(binding, Binding) and event.key in names.all_pressed(str(binding.id)):
                event.stop()
                receipts.focus()
                await self.app.run_action(binding.action, receipts)

    @property
    def zoomed(self) -> bool:
        return self.has_class("zoom")

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
                self.app.action_host(self._host_at(event.x))
            case "stops":
                self.app.action_place("checks")
            case "result":
                self.app.open_watched_bundle()
            case "detail":
                self.app.open_receipt(self.query_one(ReceiptDetail).receipt)
            case "operator":
                self.app.action_acts()
            case "timeline" if (moment := self._moment_at(event.x)) is not None:
                self.app.scrub_to(moment)
            case _:
                steps = "<replay.back> <replay.on> and <replay.phase-back> <replay.phase-on> step in the run's own time"
                self.app.notice(self.told(steps))

    def _moment_at(self, x: int | None) -> int | None:
        """The moment of the timeline that was clicked."""
        if x is None or self._view is None:
            return None
        return timeline_drawing.moment_at(self._view, self.query_one("#timeline").size.width, x)

    def _host_at(self, x: int | None) -> int | None:
        """The panel that was clicked."""
        width = self.query_one("#hosts").size.width
        if x is None or not self._hosts:
            return None
        return x * hosts_drawing.columns(len(self._hosts), width) // max(1, width)

    def show(self, view: View) -> None:
        self._hosts, self._view = view.snapshot.hosts, view
        self._arrange(view)
        attachment = self.app.attachment
        receipts = self.query_one(ReceiptsView)
        receipts.show(attachment, view.snapshot.names, self.app.filter, view.snapshot.cause)
        if self.has_class("-wide"):
            self.query_one(ReceiptDetail).look(attachment, receipts.chosen)
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
        tall = result_drawing.height(view, self.size.width)
        self.query_one("#result").styles.height = tall
        room = self.size.height - (9 if not closed else 8 + tall)
        if self.has_class("-high"):
            room -= timeline_drawing.height(max(2, count)) + 8
        high = hosts_drawing.height(view.snapshot.hosts, width, max(room, 10))
        if not count and view.refused is not None:
            high = max(high, min(room, 14))  # what failed and what helps is whole; there are no receipts yet
        self.query_one("#top").styles.height = high
        self.query_one("#timeline").styles.height = timeline_drawing.height(max(2, count))
