"""The console's own lateness: its gap, never a host's fault."""

from console.tui.attachment import Attachment

FRAME_MS = 100
LATE_MS = 1000  # a frame this late is an observer gap
SHOWN_MS = 8000


class Lateness:
    """Watches the frame timer by the monotonic clock."""

    def __init__(self) -> None:
        self._last_ms: int | None = None
        self._gap: tuple[int, int] | None = None
        self._settle: tuple[int, int] | None = None

    @property
    def gap_ms(self) -> int | None:
        """How late the console was, for as long as it should be said."""
        return self._gap[0] if self._gap else None

    def frame(self, now_ms: int, attachment: Attachment | None) -> None:
        before, self._last_ms = self._last_ms, now_ms
        if before is not None and now_ms - before - FRAME_MS > LATE_MS:
            self._gap = (now_ms - before, now_ms + SHOWN_MS)
            if attachment is not None and attachment.threaded:
                self._settle = (attachment.polls + 2, now_ms + LATE_MS)
        if self._gap is not None and now_ms >= self._gap[1]:
            self._gap = None

    def must_wait(self, now_ms: int, attachment: Attachment) -> bool:
        """What came while we were late must be read before any age is shown."""
        if self._settle is not None and attachment.polls < self._settle[0] and now_ms < self._settle[1]:
            return True
        self._settle = None
        return False
