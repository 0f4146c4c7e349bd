"""Nothing ends on one key: the question, and what would be kept."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from console.observation.sentence import kept
from console.tui.drawing.box import box
from console.tui.drawing.text import Row, clip
from console.tui.view import View
from console.tui.widgets.block import Block


class ConfirmStop(ModalScreen[bool]):
    """Dismisses with True only for `y`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "stop it", id="confirm.yes", tooltip="stop the run and keep what there is"),
        Binding("n,escape,x,q", "answer(False)", "keep it running", id="confirm.no", tooltip="change nothing"),
    ]

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self._run_id = run_id

    def compose(self) -> ComposeResult:
        yield Block(self._draw, id="question")

    def show(self, view: View) -> None:
        self.query_one(Block).show(view)

    def _draw(self, view: View, width: int, height: int) -> tuple[Row, ...]:
        rows: list[Row] = [
            (("Stop ", "text"), (clip(self._run_id, width - 12), "bright*"), ("?", "text")),
            (),
            (("kept, in a bundle that says ", "muted"), ("stopped by operator", "text"), (":", "muted")),
            *(((" ✓ ", "ok"), (line, "text")) for line in kept(view.snapshot.state)),
            (),
            (("ends, and does not come back in this window:", "muted"),),
            ((" ✗ ", "warn"), ("training on every host; nothing is merged or promoted", "text")),
            (),
            (
                ("y", "bright*"),
                (" stops it      ", "text"),
                ("n", "bright*"),
                (" or ", "muted"),
                ("esc", "bright*"),
                (" keeps it running", "text"),
            ),
        ]
        return box((("stop the run", "warn*"),), tuple(rows), width, height)

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)
