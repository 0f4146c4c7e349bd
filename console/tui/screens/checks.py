"""Place 4: the stop conditions with their evidence, the gates, and the offline checks."""

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget

from console.observation.line import Ref
from console.tui.drawing.checks import Evidence, checks
from console.tui.keys import HERE, key
from console.tui.screens.place import Place
from console.tui.view import View
from console.tui.widgets.lines import FixedLines


class Checks(Place):
    NAME = "checks"
    BINDINGS: ClassVar[list[BindingType]] = [
        key("v", "verify", "verify", "checks.verify", "check the bundle from its files alone", HERE),
        key("V", "app.check_all", "every check", "app.checks", "ask everything that swarm check knows", HERE),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._evidence: tuple[Evidence, ...] = ()
        self._led_to = ("", "")

    def body(self) -> Iterable[Widget]:
        lines = FixedLines(id="lines", cursor=True)
        lines.entitle(Content("checks"))
        yield lines

    def show(self, view: View) -> None:
        rows, self._evidence = checks(view, self.app.check_results, self.size.width - 6)
        lines = self.query_one(FixedLines)
        lines.show_rows(rows)
        worst = view.snapshot.worst
        if worst is not None and worst.evidence in self._evidence and (view.title, worst.key) != self._led_to:
            self._led_to = (view.title, worst.key)  # once: then the cursor is the operator's
            lines.move_to(self._evidence.index(worst.evidence))
        super().show(view)

    def on_line_view_chosen(self, event: FixedLines.Chosen) -> None:
        event.stop()
        evidence = self._evidence[event.index] if event.index < len(self._evidence) else None
        if isinstance(evidence, Ref):
            self.app.open_record_at(evidence)
        elif isinstance(evidence, Path):
            self.app.open_evidence(evidence)
        else:
            self.app.notice("no record stands behind this line")

    def action_verify(self) -> None:
        self.app.verify_watched()
