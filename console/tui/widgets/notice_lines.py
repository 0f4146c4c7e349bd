"""A word to the operator that has no room on one line, whole: over what lies above the keys, which keeps its place."""

from textual.events import Click

from console.tui.drawing.footer import notice_rows
from console.tui.view import View
from console.tui.widgets.block import Block


class NoticeLines(Block):
    def __init__(self) -> None:
        super().__init__(lambda view, width, _: notice_rows(view, width), id="notice", ground="bar")
        self._high = 0

    def fit(self, view: View, width: int) -> None:
        """As high as the word is; not there at all while one line is enough."""
        rows = len(notice_rows(view, width))
        if rows > 1 and rows != self._high:
            self._high = rows
            self.styles.height = rows
        self.set_class(rows > 1, "said")

    def on_click(self, event: Click) -> None:  # noqa: ARG002
        self.app.unsay()
