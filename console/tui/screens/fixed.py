"""Pages that open from a place, and the record in full: lines that are known."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget

from console.observation.detail import RecordDetail
from console.observation.plain import plain
from console.tui.drawing.detail import full
from console.tui.drawing.text import Row, wrap
from console.tui.keys import HERE, key
from console.tui.screens.place import Place
from console.tui.view import View
from console.tui.widgets.lines import FixedLines


class Leaf(Place):
    """Something opened from a place; esc goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key("escape", "app.pop_screen", "back", "leaf.back", "back to where you were", HERE),
    ]  # fmt: skip
    TITLE_TEXT: str = ""
    CURSOR = False

    def body(self) -> Iterable[Widget]:
        lines = FixedLines(id="lines", cursor=self.CURSOR)
        lines.entitle(Content(self.TITLE_TEXT))
        lines.offer("<leaf.back> back")
        yield lines

    def rows(self, view: View, width: int) -> tuple[Row, ...]:
        raise NotImplementedError

    def show(self, view: View) -> None:
        self.query_one(FixedLines).show_rows(self.rows(view, self.size.width - 6))
        super().show(view)


class Record(Leaf):
    """One record, whole, with its checks done again."""

    TITLE_TEXT = "record"
    BINDINGS: ClassVar[list[BindingType]] = [
        key("enter", "raw", "raw", "record.raw", "the bytes as they were signed, and back", HERE),
        key("y", "copy", "copy digest", "record.copy", "copy the record's sha256", HERE),
        key("Y", "copy_json", "copy JSON", "record.copy-json", "copy the canonical bytes", HERE),
    ]  # fmt: skip

    def __init__(self, detail: RecordDetail, says: str = "") -> None:
        super().__init__()
        self._detail, self._says, self._raw = detail, says, False
        if detail.record is not None:
            self.TITLE_TEXT = f"record  {plain(detail.record.kind, 60)} #{detail.record.seq}"

    def rows(self, view: View, width: int) -> tuple[Row, ...]:
        lines = wrap(plain(self._says, 1600), width, 12) if self._says else []
        return (*(((line, "bright"),) for line in lines), *full(self._detail, view.keys, width, raw=self._raw))

    def paged(self) -> str:
        return self._detail.raw.decode(errors="backslashreplace") if self._raw else self._detail.readable

    def action_raw(self) -> None:
        self._raw = not self._raw
        self.app.touch()

    def action_copy(self) -> None:
        self.app.copy_text(self._detail.sha256, "sha256 of the record")

    def action_copy_json(self) -> None:
        self.app.copy_text(self._detail.raw.decode(errors="backslashreplace"), "canonical record")


class Finding(Leaf):
    """What was found wrong with a journal: no record stands behind it."""

    TITLE_TEXT = "not verified"

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def rows(self, view: View, width: int) -> tuple[Row, ...]:  # noqa: ARG002
        why = "Nothing of this journal is shown from there on. What came before it holds, by its chain and signatures."
        told = (((line, "bad"),) for line in wrap(plain(self._text, 4000), width, 40))
        return (*told, (), *(((line, "muted"),) for line in wrap(why, width, 4)))

    def paged(self) -> str:
        return self._text
