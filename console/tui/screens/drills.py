"""Place 3: the four drills."""

from collections.abc import Iterable

from textual.content import Content
from textual.widget import Widget

from console.tui.drawing.drills import KEYS, Targets, drills
from console.tui.screens.place import Place
from console.tui.view import View
from console.tui.widgets.lines import FixedLines


class Drills(Place):
    NAME = "drills"

    def __init__(self) -> None:
        super().__init__()
        self._targets: Targets = ()

    def body(self) -> Iterable[Widget]:
        lines = FixedLines(id="lines", cursor=True)
        lines.border_title = "drills"
        yield lines

    def show(self, view: View) -> None:
        lines = self.query_one(FixedLines)
        reasons = {binding: self.app.reason_against(binding) for _, binding in KEYS.values()}  # type: ignore[attr-defined]
        now_ms = self.app.clock.mono_ms()  # type: ignore[attr-defined]
        rows, self._targets = drills(view.drills, reasons, now_ms, self.size.width - 6)
        lines.show_rows(rows)
        lines.border_subtitle = Content(f"lane {view.lane} · each on a scratch run of its own")
        super().show(view)

    def on_line_view_chosen(self, event: FixedLines.Chosen) -> None:
        event.stop()
        target = self._targets[event.index] if event.index < len(self._targets) else None
        if target is None:
            self.app.notice("no receipt yet; F5 to F8 start a drill")  # type: ignore[attr-defined]
        else:
            self.app.open_file(target)  # type: ignore[attr-defined]
