"""The receipts of a run, newest on top, following until the operator looks elsewhere."""

from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content

from console.observation.facets import Filter
from console.observation.figures import problems
from console.observation.line import Proof, Ref
from console.observation.receipts import ReceiptRing
from console.observation.receipts import Row as Receipt
from console.observation.sifted import Sifted
from console.tui.attachment import Attachment
from console.tui.drawing.receipts import name_width, receipt_row
from console.tui.drawing.text import Row
from console.tui.keys import FIND, key
from console.tui.widgets.filter_line import FilterLine
from console.tui.widgets.lines import LineView

LOOK_BACK_S = 0.05


class ReceiptsView(LineView):
    """Line 0 is the newest. Away from it, the list stands still while new receipts are counted."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key("slash", "filter", "filter", "receipts.filter", "host:mac kind:heartbeat verdict:bad words", FIND),
        key("n", "problem(1)", "next problem", "receipts.next", "to what a stop rests on, then older problems", FIND),
        key("N", "problem(-1)", "previous", "receipts.previous", "the next newer problem", FIND),
        key("full_stop", "follow", "follow", "receipts.follow", "back to the newest", FIND),
        key("y", "copy", "copy digest", "receipts.copy", "copy the record's sha256", FIND),
        key("Y", "copy_json", "copy JSON", "receipts.copy-json", "copy the record itself", FIND),
    ]  # fmt: skip

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._attachment: Attachment | None = None
        self._rows = Sifted(ReceiptRing(), Filter())
        self._names: dict[str, str] = {}
        self._seen = -1  # rows of the ring, and below of the sifted ones, when lines were last laid out
        self._before = 0
        self._acknowledged: frozenset[str] = frozenset()
        self._proved = 0
        self._cause: Ref | None = None
        self.following = True

    @property
    def ring(self) -> ReceiptRing:
        return self._rows.ring

    @property
    def chosen(self) -> Receipt | None:
        return self._rows[len(self._rows) - 1 - self.index] if self.index < len(self._rows) else None

    def show(
        self, attachment: Attachment | None, names: dict[str, str], wanted: Filter, cause: Ref | None = None
    ) -> None:
        """`cause` is the record on which a stop rests."""
        self._attachment = attachment
        if cause != self._cause:
            self._cause = cause
            self.refresh()
        acknowledged = self.app.desk.acknowledged
        if acknowledged != self._acknowledged:
            self._acknowledged = acknowledged
            self.refresh()
        ring = attachment.shown_ring if attachment else self.ring
        if ring is not self.ring or wanted != self._rows.filter:
            self._looking.resume()
            self._rows, self._seen, self.index, self.following = Sifted(ring, wanted), -1, 0, True
        proved = attachment.source.counters().chained if attachment else 0
        self._rows.refresh()
        if (ring.total, proved, names) == (self._seen, self._proved, self._names):
            return
        fresh = self._rows.total - self._before if self._seen >= 0 else 0
        self._before, self._seen, self._proved, self._names = self._rows.total, ring.total, proved, names
        if not self.following and fresh > 0:
            self.index += fresh
            self.virtual_size = self.virtual_size.with_height(self.line_count())
            self.scroll_to(y=self.scroll_y + fresh, animate=False, immediate=True)
        self.update_lines()
        self.caption()

    def on_mount(self) -> None:
        self._looking = self.set_interval(LOOK_BACK_S, self._look_back, name="look back", pause=True)

    def _look_back(self) -> None:
        """Through what memory doesn't hold: a little at a time, so that no key waits."""
        if self._rows.look_back():
            self.update_lines()
            self.caption()
        else:
            self._looking.pause()

    def caption(self) -> None:
        if self._attachment is None:
            note = "none yet"
        else:
            count = f"{len(self._rows)} of {self.ring.total}" if self._rows.filter else f"{self.ring.total} receipts"
            count += f" · {self._rows.looks_back} still looked through" if self._rows.looks_back else ""
            where = "following" if self.following else f"{self.index} newer · <receipts.follow> follows"
            note = f"{count} · {problems(self.ring.bad)} · {where}"
        wanted = f"  / {self._rows.filter.text}" if self._rows.filter else ""
        key = (self.app.key_names("place.receipts"), "not bold $accent")
        muted = "not bold $muted"
        self.entitle(Content.assemble(("[", muted), key, ("] ", muted), f"receipts{wanted}"))
        self.offer(note)

    def line_count(self) -> int:
        return len(self._rows)

    def line(self, index: int, width: int) -> Row:
        if self._attachment is None:
            return ()
        receipt = self._rows[len(self._rows) - 1 - index]
        proved = receipt.proof is Proof.CHAINED and self._is_proved(receipt)
        return receipt_row(
            receipt,
            width,
            self._names,
            name_width(self._names),
            proved=proved,
            acknowledged=self._is_acknowledged(receipt),
            cause=self._cause is not None and receipt.ref == self._cause,
        )

    def _is_acknowledged(self, receipt: Receipt) -> bool:
        return receipt.is_problem and receipt.identity in self._acknowledged

    def _is_proved(self, receipt: Receipt) -> bool:
        assert self._attachment is not None
        return receipt.ref is not None and receipt.ref.offset < self._attachment.source.proved_to(receipt.ref.file)

    def move_to(self, index: int) -> None:
        super().move_to(index)
        self.following = self.index == 0
        self.caption()

    def action_filter(self) -> None:
        self.screen.query_one(FilterLine).ask()

    def action_problem(self, step: int) -> None:
        rows = self._rows
        if not len(rows):
            return
        start = len(rows) - 1 - self.index
        if self.following and step > 0 and (cause := self._place_of_cause()) is not None:
            self.move_to(len(rows) - 1 - cause)
            names = self.app.key_names
            said = (
                "the stop rests on this record; <receipts.next> goes on to older problems, <receipts.previous> to newer"
            )
            self.app.notice(names.told(said))
            return
        here = self.following and step > 0 and self.index == 0 and self._is_open(rows[start])
        found = rows.problem(start if here and not self.has_focus else start - step, -step)
        while found is not None and self._is_acknowledged(rows[found]):
            found = rows.problem(found - step, -step)
        if found is None:
            self.app.notice("no newer problem" if step < 0 else "no older problem")
        else:
            self.move_to(len(rows) - 1 - found)

    def _place_of_cause(self) -> int | None:
        """Among the problems, so that a long journal isn't walked through; None where the filter hides it."""
        place = self._rows.problem(len(self._rows) - 1, -1) if self._cause is not None else None
        while place is not None and self._rows.glance(place).ref != self._cause:
            place = self._rows.problem(place - 1, -1)
        return place

    def _is_open(self, receipt: Receipt) -> bool:
        """A problem that nobody acknowledged."""
        return receipt.is_problem and not self._is_acknowledged(receipt)

    def action_follow(self) -> None:
        self.app.action_live()
        self.move_to(0)

    def action_copy_json(self) -> None:
        self.app.copy_record(self.chosen)

    def action_copy(self) -> None:
        chosen = self.chosen
        if chosen is not None and chosen.sha256:
            self.app.copy_text(chosen.sha256, f"sha256 of {chosen.kind}")
