"""A file of a bundle, whole, from its first screen on."""

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget

from console.observation.figures import size
from console.observation.file_lines import LONGEST, FileLines
from console.observation.plain import plain
from console.tui.drawing.text import Row
from console.tui.keys import HERE, key
from console.tui.screens.place import Place
from console.tui.widgets.lines import LineView

PIECES = 8  # per frame: 2 MB, so that a key never waits


class FileView(LineView):
    """Lines as they lie; nothing is parsed."""

    def __init__(self, lines: FileLines, *, id: str) -> None:
        super().__init__(id=id, cursor=False)
        self.lines = lines
        self.left = 0  # characters that are out of sight; what isn't ASCII stands as an escape

    def line_count(self) -> int:
        return len(self.lines)

    def line(self, index: int, width: int) -> Row:  # noqa: ARG002
        text = self.lines.line(index)
        if self.left:
            return ((text[self.left :], "text"),)
        name, mark, value = text.partition('": ')
        return ((name + mark, "muted"), (value, "text")) if mark else ((text, "text"),)


class FilePage(Place):
    BINDINGS: ClassVar[list[BindingType]] = [
        key("right,l", "sideways(1)", "right", "file.right", "the rest of long lines", HERE, first=True),
        key("left,h", "sideways(-1)", "left", "file.left", "back to where lines begin", HERE, first=True),
        key("escape", "app.pop_screen", "back", "file.back", "back to the bundle", HERE),
    ]  # fmt: skip

    def __init__(self, path: Path, name: str) -> None:
        super().__init__()
        self._lines = FileLines(path)
        self._lines.grow(1)
        self._path, self._shown_name = path, name

    def body(self) -> Iterable[Widget]:
        yield FileView(self._lines, id="lines")

    def evidence(self) -> dict[str, object]:
        """Which file, and which of its lines are on screen."""
        view = self.query_one(FileView)
        first = round(view.scroll_y)
        lines = [self._lines.line(at) for at in range(first, min(len(self._lines), first + view.size.height))]
        return {"file": self._path, "size_bytes": self._lines.size, "first_line": first, "lines": lines}

    def paged(self) -> Path:
        return self._path

    def on_mount(self) -> None:
        self._caption()
        self.set_interval(0.05, self._grow, name="grow")

    def on_unmount(self) -> None:
        self._lines.close()

    def _grow(self) -> None:
        if not self._lines.whole:
            self._lines.grow(PIECES)
            self.query_one(FileView).update_lines()
            self._caption()

    def action_sideways(self, step: int) -> None:
        view = self.query_one(FileView)
        view.left = min(max(0, view.left + step * max(1, view.size.width // 2)), LONGEST)
        view.refresh()
        self._caption()

    def _caption(self) -> None:
        view, lines = self.query_one(FileView), self._lines
        view.entitle(Content(plain(self._shown_name)))
        left = f"from character {view.left + 1} · " if view.left else ""
        back = "<file.left> left · <file.right> right · <file.back> back"
        more = "" if lines.whole else ", indexing goes on"
        view.offer(f"{left}{len(lines)} lines · {size(lines.size)}{more} · {back}")
