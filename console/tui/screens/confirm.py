"""Nothing ends, and nothing leaves, on one key: the question, and what would come of it."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Click
from textual.screen import ModalScreen

from console.observation.sentence import kept
from console.tui.drawing.box import box
from console.tui.drawing.text import Row, clip, wrap
from console.tui.keys import ANSWER, key
from console.tui.view import View
from console.tui.widgets.block import Block


class Question(ModalScreen[bool]):
    """Dismisses with True only for `y`."""

    TITLE_TEXT = ""
    YES, NO = "does it", "changes nothing"
    BINDINGS: ClassVar[list[BindingType]] = [
        key("y", "answer(True)", "yes", "confirm.yes", "do what is asked", ANSWER),
        key("n,escape,x,q", "answer(False)", "no", "confirm.no", "change nothing", ANSWER),
    ]  # fmt: skip

    def compose(self) -> ComposeResult:
        yield Block(self._draw, id="question")

    def show(self, view: View) -> None:
        self.query_one(Block).show(view)

    def lines(self, view: View, width: int) -> tuple[Row, ...]:
        raise NotImplementedError

    def _draw(self, view: View, width: int, height: int) -> tuple[Row, ...]:
        answers: Row = (
            ("y", "bright*"),
            (f" {self.YES}      ", "text"),
            ("n", "bright*"),
            (" or ", "muted"),
            ("esc", "bright*"),
            (f" {self.NO}", "text"),
        )
        rows = (*self.lines(view, width - 4), (), answers)
        return box(((self.TITLE_TEXT, "warn*"),), rows, width, height)

    def on_click(self, event: Click) -> None:
        """On the line of the answers: the one under the mouse."""
        rows, at = self.query_one(Block).rows, event.get_content_offset(self.query_one(Block))
        line = "".join(text for text, _ in rows[at.y]) if at is not None and at.y < len(rows) else ""
        if at is not None and f" {self.YES}" in line and f" {self.NO}" in line:
            self.action_answer(at.x < line.index(f" {self.YES}") + len(self.YES) + 1)

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)


class ConfirmStop(Question):
    TITLE_TEXT = "stop the run"
    YES, NO = "stops it", "keeps it running"

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self._run_id = run_id

    def lines(self, view: View, width: int) -> tuple[Row, ...]:
        return (
            (("Stop ", "text"), (clip(self._run_id, width - 8), "bright*"), ("?", "text")),
            (),
            (("kept, in a bundle that says ", "muted"), ("stopped by operator", "text"), (":", "muted")),
            *(((" ✓ ", "ok"), (line, "text")) for line in kept(view.snapshot.state)),
            (),
            (("ends, and does not come back in this window:", "muted"),),
            ((" ✗ ", "warn"), ("training on every host; nothing is merged or promoted", "text")),
        )


class Confirm(Question):
    """Any other act that deserves a second key."""

    def __init__(self, title: str, what: str, consequences: tuple[str, ...], yes: str) -> None:
        super().__init__()
        self.TITLE_TEXT, self.YES = title, yes
        self._what, self._consequences = what, consequences

    def lines(self, view: View, width: int) -> tuple[Row, ...]:  # noqa: ARG002
        rows: list[Row] = [((clip(self._what, width), "bright*"),), ()]
        for consequence in self._consequences:
            rows += [((" · " if place == 0 else "   ", "muted"), (line, "text"))
                     for place, line in enumerate(wrap(consequence, width - 3, 3))]  # fmt: skip
        return tuple(rows)
