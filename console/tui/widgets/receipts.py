"""The receipts of a run, newest on top, following until the operator looks elsewhere."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from console.observation.line import Proof
from console.observation.receipts import ReceiptRing
from console.observation.receipts import Row as Receipt
from console.tui.attachment import Attachment
from console.tui.drawing.receipts import name_width, receipt_row
from console.tui.drawing.text import Row
from console.tui.widgets.lines import LineView

FIND = Binding.Group("find")


class ReceiptsView(LineView):
    """Line 0 is the newest. Away from it, the list stands still while new receipts are counted."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "problem(1)", "next problem", id="receipts.next", tooltip="the next older problem", group=FIND),
        Binding("N", "problem(-1)", "previous", id="receipts.previous", tooltip="the next newer problem", group=FIND),
        Binding(
            "full_stop",
            "follow",
            "follow",
            id="receipts.follow",
            tooltip="back to the newest",
            group=FIND,
            key_display=".",
        ),
        Binding("y", "copy", "copy digest", id="receipts.copy", tooltip="copy the record's sha256", group=FIND),
    ]
    BORDER_TITLE = "receipts"

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._attachment: Attachment | None = None
        self._names: dict[str, str] = {}
        self._seen = -1
        self._proved = 0
        self.following = True

    @property
    def ring(self) -> ReceiptRing | None:
        return self._attachment.ring if self._attachment else None

    @property
    def chosen(self) -> Receipt | None:
        ring = self.ring
        return ring[len(ring) - 1 - self.index] if ring is not None and self.index < len(ring) else None

    def show(self, attachment: Attachment | None, names: dict[str, str]) -> None:
        if attachment is not self._attachment:
            self._attachment, self._seen, self.index, self.following = attachment, -1, 0, True
        total = attachment.ring.total if attachment else 0
        proved = attachment.source.counters().chained if attachment else 0
        if (total, proved, names) == (self._seen, self._proved, self._names):
            return
        fresh = total - max(0, self._seen)
        self._seen, self._proved, self._names = total, proved, names
        if not self.following and fresh > 0:
            self.index += fresh
            self.virtual_size = self.virtual_size.with_height(self.line_count())
            self.scroll_to(y=self.scroll_y + fresh, animate=False, immediate=True)
        self.update_lines()
        self.caption()

    def caption(self) -> None:
        ring = self.ring
        if ring is None:
            note = "none yet"
        else:
            bad = f"{ring.bad} bad" if ring.bad else "0 bad"
            where = "following" if self.following else f"{self.index} newer · . follows"
            note = f"{ring.total} · {bad} · {where}"
        self.border_subtitle = Content(note)

    def line_count(self) -> int:
        return len(self.ring) if self.ring is not None else 0

    def line(self, index: int, width: int) -> Row:
        ring, attachment = self.ring, self._attachment
        if ring is None or attachment is None:
            return ()
        receipt = ring[len(ring) - 1 - index]
        proved = receipt.proof is Proof.CHAINED and self._is_proved(receipt)
        return receipt_row(receipt, width, self._names, name_width(self._names), proved=proved)

    def _is_proved(self, receipt: Receipt) -> bool:
        assert self._attachment is not None
        return receipt.ref is not None and receipt.ref.offset < self._attachment.source.proved_to(receipt.ref.file)

    def move_to(self, index: int) -> None:
        super().move_to(index)
        self.following = self.index == 0
        self.caption()

    def action_problem(self, step: int) -> None:
        ring = self.ring
        if ring is None or not len(ring):
            return
        start = len(ring) - 1 - self.index
        here = self.following and step > 0 and self.index == 0 and ring[start].is_problem
        found = ring.find(start if here and not self.has_focus else start - step, -step, lambda row: row.is_problem)
        if found is None:
            self.app.notice("no newer problem" if step < 0 else "no older problem")  # type: ignore[attr-defined]
        else:
            self.move_to(len(ring) - 1 - found)

    def action_follow(self) -> None:
        self.move_to(0)

    def action_copy(self) -> None:
        chosen = self.chosen
        if chosen is not None and chosen.sha256:
            self.app.copy_text(chosen.sha256, f"sha256 of {chosen.kind}")  # type: ignore[attr-defined]
