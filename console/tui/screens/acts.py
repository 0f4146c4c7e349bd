"""What the operator did here, each act with its signed record and what its process said."""

from pathlib import Path

from console.evidence.operator_acts import ASKED, NARRATION, OUTCOME, RESULT
from console.observation.figures import clock
from console.observation.output import readable
from console.observation.plain import plain
from console.tui.drawing.output import output_rows
from console.tui.drawing.text import Row, ends, pad, wrap
from console.tui.key_names import KeyNames
from console.tui.screens.fixed import Leaf
from console.tui.view import LogEntry, View
from console.tui.widgets.lines import FixedLines

TAIL_BYTES = 64 * 1024


class ActsPage(Leaf):
    """Newest first; enter opens one."""

    TITLE_TEXT = "operator"
    CURSOR = True

    def __init__(self) -> None:
        super().__init__()
        self._entries: tuple[LogEntry, ...] = ()

    def rows(self, view: View, width: int) -> tuple[Row, ...]:
        self._entries = tuple(reversed(view.log))
        if not self._entries:
            return ((("nothing was done at this machine's consoles yet", "muted"),),)
        return tuple(_entry(entry, view.keys, width) for entry in self._entries)

    def on_line_view_chosen(self, event: FixedLines.Chosen) -> None:
        event.stop()
        if event.index < len(self._entries):
            self.app.open_act(self._entries[event.index])


def _entry(entry: LogEntry, keys: KeyNames, width: int) -> Row:
    left = (
        (f"{clock(entry.wall_ms)} ", "muted"),
        (f"{pad(entry.key(keys), 3)}", "bright*"),
        (pad(entry.what, max(20, width // 3)), "text"),
        (f" {entry.outcome}", entry.role),
    )
    return ends(left, ((f"  {entry.receipt}", "digest"),), width)


def outcome_rows(entry: LogEntry, width: int) -> tuple[Row, ...]:
    """What came of it, whole, and its receipt."""
    lines = tuple(((line, entry.role),) for line in wrap(entry.outcome, width, 6))
    return (*lines, *((((entry.receipt, "digest"),),) if entry.receipt else ()))


def _folded(line: str, width: int) -> list[str]:
    """Every character of it, its indent on each row."""
    indent = " " * (len(line) - len(line.lstrip()))
    return [indent + part for part in wrap(line, width - len(indent), 60)]


class ActPage(Leaf):
    """One act: what came of it, what its process said, the record itself."""

    TITLE_TEXT = "act"

    def __init__(self, entry: LogEntry, folder: Path) -> None:
        super().__init__()
        self._entry, self._folder = entry, folder

    def rows(self, view: View, width: int) -> tuple[Row, ...]:  # noqa: ARG002
        entry = self._entry
        rows: list[Row] = [((entry.what, "bright*"),), *outcome_rows(entry, width), ()]
        for name, title in ((RESULT, "its result, newest line first"), (NARRATION, "what it said meanwhile")):
            lines = readable(tail(self._folder / name))
            if lines:
                rows += [((title, "bright*"),), *output_rows(lines, width), ()]
        for name in (ASKED, OUTCOME):
            text = tail(self._folder / name)
            rows += [
                ((f"{name}, signed", "bright*"),),
                *(((part, "muted"),) for line in text.splitlines() for part in _folded(plain(line, 4000), width)),
                (),
            ]
        return (*rows, ((str(self._folder), "muted"),))

    def paged(self) -> str:
        return "\n".join(tail(self._folder / name) for name in (RESULT, NARRATION, ASKED, OUTCOME))


def tail(path: Path) -> str:
    """The end of what a process printed; empty where it printed nothing."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - TAIL_BYTES))
            return stream.read(TAIL_BYTES).decode(errors="replace")
    except OSError:
        return ""
