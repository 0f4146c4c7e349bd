"""Place 4: the stop conditions with their evidence, and the offline check of the bundle."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from console.observation.line import Ref
from console.tui.drawing.places import checks
from console.tui.screens.place import Place
from console.tui.view import View
from console.tui.widgets.lines import FixedLines


class Checks(Place):
    NAME = "checks"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "verify", "verify", id="checks.verify", tooltip="check the bundle from its files alone"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._refs: tuple[Ref | None, ...] = ()

    def body(self) -> Iterable[Widget]:
        lines = FixedLines(id="lines", cursor=True)
        lines.border_title = "checks"
        yield lines

    def show(self, view: View) -> None:
        rows, self._refs = checks(view, self.size.width - 6)
        self.query_one(FixedLines).show_rows(rows)
        super().show(view)

    def on_line_view_chosen(self, event: FixedLines.Chosen) -> None:
        event.stop()
        ref = self._refs[event.index] if event.index < len(self._refs) else None
        if ref is None:
            self.app.notice("no record stands behind this line")  # type: ignore[attr-defined]
        else:
            self.app.open_record_at(ref)  # type: ignore[attr-defined]

    def action_verify(self) -> None:
        self.app.verify_watched()  # type: ignore[attr-defined]
