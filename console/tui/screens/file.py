"""A file of a bundle, whole, from its first screen on."""

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from console.observation.figures import size
from console.observation.file_lines import FileLines
from console.tui.drawing.text import Row
from console.tui.keys import HERE
from console.tui.screens.place import Place
from console.tui.widgets.lines import LineView

PIECES = 8  # per frame: 2 MB, so that a key never waits


class FileView(LineView):
    """Lines as they lie; nothing is parsed."""

    def __init__(self, lines: FileLines, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id, cursor=False)
        self.lines = lines

    def line_count(self) -> int:
        return len(self.lines)

    def line(self, index: int, width: int) -> Row:  # noqa: ARG002
        text = self.lines.line(index)
        name, mark, value = text.partition('": ')
        return ((name + mark, "muted"), (value, "text")) if mark else ((text, "text"),)


class FilePage(Place):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "back", id="file.back", tooltip="back to the bundle", group=HERE),
    ]

    def __init__(self, path: Path, name: str) -> None:
        super().__init__()
        self._lines = FileLines(path)
        self._lines.grow(1)
        self._path, self._shown_name = path, name

    def body(self) -> Iterable[Widget]:
        yield FileView(self._lines, id="lines")

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

    def _caption(self) -> None:
        view, lines = self.query_one(FileView), self._lines
        view.border_title = Content(self._shown_name)
        more = "" if lines.whole else ", indexing goes on"
        view.border_subtitle = Content(f"{len(lines)} lines · {size(lines.size)}{more} · esc back")
