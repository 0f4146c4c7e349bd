"""Place 5: runs that were kept; enter opens one, read-only."""

from collections.abc import Iterable

from textual.content import Content
from textual.widget import Widget

from console.observation.runs import RunRef
from console.tui.drawing.places import run_row
from console.tui.screens.place import Place
from console.tui.view import View
from console.tui.widgets.lines import FixedLines


class Viewer(Place):
    NAME = "viewer"

    def __init__(self) -> None:
        super().__init__()
        self.runs: tuple[RunRef, ...] = ()

    def body(self) -> Iterable[Widget]:
        lines = FixedLines(id="lines", cursor=True)
        lines.border_title = Content("runs")
        yield lines

    def show(self, view: View) -> None:
        self.runs = view.runs
        lines = self.query_one(FixedLines)
        if self.runs:
            lines.show_rows(tuple(run_row(run, self.size.width - 6) for run in self.runs))
        else:
            lines.show_rows(((("no run is kept here yet: g on 1 starts one", "muted"),),))
        note = f"{len(self.runs)} · enter opens · comparing and scrubbing are not built yet"
        lines.border_subtitle = Content(note)
        super().show(view)

    def on_line_view_chosen(self, event: FixedLines.Chosen) -> None:
        event.stop()
        if event.index < len(self.runs):
            self.app.open_run(self.runs[event.index])  # type: ignore[attr-defined]
