"""Two kept runs beside each other."""

from console.observation.kept_run import KeptRun
from console.tui.drawing.comparison import comparison
from console.tui.drawing.text import Row
from console.tui.screens.fixed import Leaf
from console.tui.view import View


class Compare(Leaf):
    TITLE_TEXT = "comparison"

    def __init__(self, one: KeptRun, other: KeptRun) -> None:
        super().__init__()
        self._pair = (one, other)

    def evidence(self) -> dict[str, object]:
        return {"compared": self._pair}

    def rows(self, view: View, width: int) -> tuple[Row, ...]:  # noqa: ARG002
        return comparison(*self._pair, width)
