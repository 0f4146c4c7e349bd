"""Place 3: the four drills."""

from collections.abc import Iterable

from textual.content import Content
from textual.widget import Widget

from console.tui.drawing.drills import Targets, drills
from console.tui.keys import DRILL_KEYS
from console.tui.screens.place import Place
from console.tui.view import View
from console.tui.widgets.lines import FixedLines


class Drills(Place):
    NAME = "drills"

    def __init__(self) -> None:
        super().__init__()
        self._targets: Targets = ()
        self._owners: tuple[str, ...] = ()
        self._looked_at = ""

    def body(self) -> Iterable[Widget]:
        lines = FixedLines(id="lines", cursor=True)
        lines.entitle(Content("drills"))
        yield lines

    def show(self, view: View) -> None:
        lines = self.query_one(FixedLines)
        reasons = {binding: self.app.reason_against(binding) for binding in DRILL_KEYS.values()}
        now_ms = self.app.clock.mono_ms()
        rows, self._targets, self._owners = drills(view.drills, reasons, view.keys, now_ms, self.size.width - 6)
        lines.show_rows(rows)
        self._look_at_the_one_that_goes_on(view, lines)
        lines.offer(f"lane {view.lane} · each on a scratch run of its own")
        super().show(view)

    def _look_at_the_one_that_goes_on(self, view: View, lines: FixedLines) -> None:
        """Once for each case, so that nobody who scrolls elsewhere is called back; a list that is only being laid out
        doesn't scroll yet, so it is asked again until it did. Until the next case has a record, the verdict stays."""
        going = next((case.view.run_id for card in view.drills for case in card.cases
                      if case.view and case.view.stage not in ("starting", "pass", "fail")), "")  # fmt: skip
        if going in ("", self._looked_at):
            return
        place = self._owners.index(going)
        if lines.is_on_top(place):
            self._looked_at = going
        else:
            lines.put_on_top(place)

    def on_line_view_chosen(self, event: FixedLines.Chosen) -> None:
        event.stop()
        target = self._targets[event.index] if event.index < len(self._targets) else None
        if target is None:
            keys = " ".join(map(self.app.key_names, DRILL_KEYS.values()))
            self.app.notice(f"no receipt yet; {keys} start a drill")
        else:
            self.app.open_file(target)
