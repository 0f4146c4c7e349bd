"""One line that tells how far a job is and how long it will still take; one line for each stage that is over."""

import time
from collections.abc import Callable
from typing import TextIO

from runners.contract.jobs import Progress

WIDTH = 24
LINE_EVERY_S = 10.0  # where the output is no terminal


class ProgressBar:
    """On a terminal one line that is drawn anew; elsewhere a line now and then, and one per stage."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._live = stream.isatty()
        self._last: Progress | None = None
        self._began: tuple[float, int] = (0.0, 0)  # when this stage was first seen, and how far it was then
        self._said_at = float("-inf")

    def show(self, progress: Progress) -> None:
        now = self._clock()
        if self._last is None or progress.stage != self._last.stage:
            if self._live and self._last is not None:  # what comes after it has begun, so it is over
                over = self._last.model_copy(update={"done": self._last.total})
                self._stream.write(f"\r{self._text(over, now)}\x1b[K\n")
            self._began, self._said_at = (now, progress.done), float("-inf")
        self._last = progress
        whole = progress.done >= progress.total
        if self._live:
            self._stream.write(f"\r{self._text(progress, now)}\x1b[K")
        elif whole or now - self._said_at >= LINE_EVERY_S:
            self._stream.write(f"{self._text(progress, now)}\n")
            self._said_at = now
        self._stream.flush()

    def end(self) -> None:
        if self._live and self._last is not None:
            self._stream.write("\n")

    def _text(self, progress: Progress, now: float) -> str:
        part = min(1.0, progress.done / max(progress.total, 1))
        bar = "#" * int(WIDTH * part) + "." * (WIDTH - int(WIDTH * part))
        words = [f"{progress.stage:<9} [{bar}] {part:4.0%} {progress.done}/{progress.total}", progress.detail]
        return "  ".join(word for word in (*words, self._time(progress, now)) if word)

    def _time(self, progress: Progress, now: float) -> str:
        """From what was done since this stage was first seen: work of an earlier process says nothing of this one's."""
        began, before = self._began
        if progress.done >= progress.total:
            return f"took {duration(now - began)}"
        if progress.done <= before:
            return ""
        left = (now - began) * (progress.total - progress.done) / (progress.done - before)
        return f"{duration(left)} left"


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
