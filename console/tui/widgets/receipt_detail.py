"""The receipt under the cursor, read again from disk and checked again."""

from console.observation.detail import RecordDetail, read_detail
from console.observation.errors import ObservationError
from console.observation.receipts import Row as Receipt
from console.tui.attachment import Attachment
from console.tui.drawing import detail as detail_drawing
from console.tui.drawing.box import box
from console.tui.drawing.text import Row, wrap
from console.tui.view import View
from console.tui.widgets.panel import Panel


class ReceiptDetail(Panel):
    """`whole`: with its canonical JSON, where there is the height for it; else its fields."""

    def __init__(self, *, id: str, whole: bool = False) -> None:
        super().__init__(self._rows, id=id)
        self._whole = whole
        self._detail: RecordDetail | None = None
        self._problem = ""
        self.receipt: Receipt | None = None

    def look(self, attachment: Attachment | None, chosen: Receipt | None) -> None:
        """Reads only when it is another one than before."""
        if chosen is not self.receipt:
            self.receipt = chosen
            self._detail, self._problem = read_again(attachment, chosen)

    def _rows(self, view: View, width: int, height: int) -> tuple[Row, ...]:
        detail = self._detail
        if detail is None:
            told = self._problem or "the receipt under the cursor is checked again here"
            rows: tuple[Row, ...] = tuple(((line, "muted"),) for line in wrap(told, width - 4, 12))
        else:
            rows = detail_drawing.summary(detail, width - 4)
            if self._whole and detail.record is not None:
                rows = (*rows, (), *detail_drawing.content(detail, width - 4))
        note = view.keys.told("<lines.open> whole · <receipts.copy> copy digest") if detail else ""
        return box((("receipt", "bright*"),), rows, width, height, note=note)


def read_again(attachment: Attachment | None, chosen: Receipt | None) -> tuple[RecordDetail | None, str]:
    """The record from disk, or why there is none."""
    if attachment is None or chosen is None:
        return None, ""
    if chosen.ref is None:
        return None, chosen.text
    path = attachment.source.path_of(chosen.ref.file)
    if path is None:
        return None, "its journal is not followed any more"
    key = attachment.source.key_of(chosen.node_id, chosen.role)
    try:
        return read_detail(path, chosen.ref, expected_sha256=chosen.sha256, public_key=key), ""
    except ObservationError as error:
        return None, str(error)
