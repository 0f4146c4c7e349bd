"""Place 5: runs that were kept, here, in the repository, or at a path that was given."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget

from console.observation.plain import plain
from console.observation.runs import RunRef
from console.tui.drawing.places import has_words, run_row
from console.tui.keys import HERE, key
from console.tui.screens.place import Place
from console.tui.view import View
from console.tui.widgets.filter_line import RunsFilterLine
from console.tui.widgets.lines import FixedLines


class Viewer(Place):
    NAME = "viewer"
    AUTO_FOCUS = "#lines"
    BINDINGS: ClassVar[list[BindingType]] = [
        key("m", "mark", "mark", "viewer.mark",
            "mark this run; <viewer.compare> compares it with the one under it", HERE),
        key("slash", "filter", "filter", "viewer.filter",
            "only runs whose name, or how they ended, has these words", HERE),
        key("c", "compare", "compare", "viewer.compare", "the marked run beside this one", HERE),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.runs: tuple[RunRef, ...] = ()
        self.marked: RunRef | None = None
        self.wanted = ""

    def body(self) -> Iterable[Widget]:
        yield RunsFilterLine()
        lines = FixedLines(id="lines", cursor=True)
        lines.entitle(Content("runs"))
        yield lines

    def show(self, view: View) -> None:
        self.runs = tuple(run for run in view.runs if has_words(run, self.wanted))
        lines = self.query_one(FixedLines)
        marked = self.marked.run_dir if self.marked else None
        if self.runs:
            width = self.size.width - 6
            lines.show_rows(tuple(run_row(run, width, marked=run.run_dir == marked) for run in self.runs))
        elif view.runs:
            lines.show_rows((((f"none of {len(view.runs)} runs has these words", "muted"),),))
        else:
            lines.show_rows((((view.keys.told("no run is kept here yet: <app.start> starts one"), "muted"),),))
        offered = "<lines.open> opens · <app.evidence> the proof · <viewer.mark> marks, <viewer.compare> compares"
        if len(view.runs) > self.size.height - 5:
            offered = f"<viewer.filter> filters · {offered}"
        count = f"{len(self.runs)} of {len(view.runs)}" if self.wanted else f"{len(self.runs)}"
        lines.entitle(Content(f"runs  / {plain(self.wanted, 60)}" if self.wanted else "runs"))
        lines.offer(f"{count} · {offered}")
        super().show(view)

    def action_filter(self) -> None:
        self.query_one(RunsFilterLine).ask()

    def on_runs_filter_line_asked(self, event: RunsFilterLine.Asked) -> None:
        event.stop()
        self.wanted = event.text
        self.query_one(FixedLines).move_to(0)
        self.app.touch()

    def drop_filter(self) -> bool:
        """All runs again; False where all were shown."""
        if not self.wanted:
            return False
        self.query_one(RunsFilterLine).action_drop()
        return True

    @property
    def chosen(self) -> RunRef | None:
        index = self.query_one(FixedLines).index
        return self.runs[index] if index < len(self.runs) else None

    def on_line_view_chosen(self, event: FixedLines.Chosen) -> None:
        event.stop()
        if event.index < len(self.runs):
            self.app.open_run(self.runs[event.index])

    def action_mark(self) -> None:
        chosen = self.chosen
        self.marked = None if chosen == self.marked else chosen
        self.app.touch()

    def action_compare(self) -> None:
        chosen = self.chosen
        if self.marked is None or chosen is None or self.marked.bundle is None or chosen.bundle is None:
            keys = self.app.key_names
            mark, compare = keys("viewer.mark"), keys("viewer.compare")
            self.app.notice(f"× compare: mark one closed run with {mark}, then {compare} on another", "warn")
        else:
            self.app.compare(self.marked.bundle, chosen.bundle)
