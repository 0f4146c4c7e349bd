"""Nothing ends, and nothing leaves, on one key: the question, and what would come of it."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Click
from textual.screen import ModalScreen

from console.observation.figures import seconds
from console.observation.sentence import kept
from console.tui.drawing.box import box
from console.tui.drawing.text import Row, clip, wrap
from console.tui.job import JobState
from console.tui.keys import ANSWER, key
from console.tui.losses import loss_of
from console.tui.view import Mode, View
from console.tui.widgets.block import Block

_RUNNING = (Mode.STARTING, Mode.LIVE)


class Question(ModalScreen[bool]):
    """Dismisses with True for yes, False for no, None where the matter is over before an answer came."""

    TITLE_TEXT = ""
    _given_up = False
    YES, NO = "does it", "changes nothing"
    BINDINGS: ClassVar[list[BindingType]] = [
        key("y", "answer(True)", "yes", "confirm.yes", "do what is asked", ANSWER),
        key("n,escape,x,q", "answer(False)", "no", "confirm.no", "change nothing", ANSWER),
    ]  # fmt: skip

    def compose(self) -> ComposeResult:
        yield Block(self._draw, id="question")

    def show(self, view: View) -> None:
        """A question whose matter is over meanwhile goes away: nobody answers it by mistake."""
        if self.is_active and not self._given_up and self.moot(view):
            self._given_up = True
            self.call_later(self._give_up)
        self.query_one(Block).show(view)

    def _give_up(self) -> None:
        self.dismiss(None)

    def moot(self, view: View) -> bool:  # noqa: ARG002
        """Is there nothing left to be asked?"""
        return False

    def lines(self, view: View, width: int) -> tuple[Row, ...]:
        raise NotImplementedError

    def _draw(self, view: View, width: int, height: int) -> tuple[Row, ...]:
        no = view.keys.every("confirm.no")[:2]
        answers: Row = (
            (view.keys("confirm.yes"), "bright*"), (f" {self.YES}      ", "text"),
            (no[0], "bright*"), *(((" or ", "muted"), (no[1], "bright*")) if no[1:] else ()), (f" {self.NO}", "text"),
        )  # fmt: skip
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

    def moot(self, view: View) -> bool:
        return view.mode not in _RUNNING

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


class ConfirmEnd(Question):
    """Of a long act that measures something; one that only reads ends without a question."""

    YES, NO = "ends it", "lets it go on"

    def __init__(self, job: JobState) -> None:
        super().__init__()
        self._job = job
        self.TITLE_TEXT = f"end {clip(job.what, 40)}"

    def moot(self, view: View) -> bool:
        """How it ended is said by the act itself."""
        return view.job is None or (view.job.began_ms, view.job.what) != (self._job.began_ms, self._job.what)

    def lines(self, view: View, width: int) -> tuple[Row, ...]:
        at_ms = view.snapshot.moment.now.mono_ms - self._job.began_ms
        lost, stays = loss_of(self._job.binding)
        head: Row = (
            ("End ", "text"),
            (clip(self._job.what, width - 24), "bright*"),
            (f" after {seconds(at_ms)}?", "text"),
        )
        rows: list[Row] = [head, ()]
        for glyph, role, said in ((" ✗ ", "warn", lost), (" ✓ ", "ok", stays)):
            rows += [
                ((glyph if not at else "   ", role), (line, "text")) for at, line in enumerate(wrap(said, width - 3, 3))
            ]
        return tuple(rows)


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
