"""The bring-up of every host of the lane: progress while it goes on, verdicts and reasons once it is over."""

from pathlib import Path

from console.evidence.operator_acts import NARRATION, RESULT
from console.tui.drawing.bringup import ended_rows, going_rows
from console.tui.drawing.text import Row
from console.tui.screens.acts import outcome_rows, tail
from console.tui.screens.fixed import Leaf
from console.tui.view import LogEntry, View

BINDING = "app.bring-up"
TALL = 46  # two hosts with all their rules


class BringUpPage(Leaf):
    """Leaving it ends nothing: the bring-up goes on, and `X` ends it."""

    TITLE_TEXT = "bring-up"

    def __init__(self) -> None:
        super().__init__()
        self._read: tuple[Path | None, str, str] = (None, "", "")

    def rows(self, view: View, width: int) -> tuple[Row, ...]:
        title: Row = (("every host of lane ", "muted"), (view.lane, "bright*"), (", each by a run's own way", "muted"))
        job = view.job
        if job is not None and job.binding == BINDING:
            elapsed = view.snapshot.moment.now.mono_ms - job.began_ms
            return (title, (), *going_rows(job.narration, elapsed, width))
        entry = next((one for one in reversed(view.log) if one.binding == BINDING), None)
        if entry is None:
            return (title, (), (("not brought up at this machine's consoles yet", "muted"),))
        result, narration = self._of(entry)
        outcome = outcome_rows(entry, width)
        ended = ended_rows(result, view.keys, width, whole=self.size.height >= TALL) or going_rows(narration, 0, width)
        return (title, *outcome, (), *ended)

    def _of(self, entry: LogEntry) -> tuple[str, str]:
        if entry.folder is not None and self._read[0] != entry.folder:
            self._read = (entry.folder, tail(entry.folder / RESULT), tail(entry.folder / NARRATION))
        return self._read[1:] if entry.folder is not None else ("", "")

    def paged(self) -> str:
        return "\n".join(self._read[1:])
