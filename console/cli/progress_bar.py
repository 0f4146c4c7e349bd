"""One line that tells how far a job is and how long it will still take; one line for each stage that is over."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TextIO

from runners.contract.jobs import Progress

WIDTH, NARROW_WIDTH = 24, 12  # of the bar itself; the words beside it matter more
NARROW = 100  # columns
LINE_EVERY_S = 10.0  # where the output is no terminal


class Pace:
    """From what was done since this was first seen: work of an earlier process says nothing of this one's."""

    def __init__(self, now: float, done: int) -> None:
        self._began, self._before = now, done

    def told(self, done: int, total: int, now: float) -> str:
        """Nothing while nothing is known."""
        if done >= total:
            return f"took {duration(now - self._began)}"
        if done <= self._before or now <= self._began:
            return ""
        return f"{duration((now - self._began) * (total - done) / (done - self._before))} left"


class ProgressBar:
    """On a terminal one line that is drawn anew; elsewhere a line now and then, and one per stage."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._live = stream.isatty()
        self._last: Progress | None = None
        self._pace = Pace(0.0, 0)
        self._said_at = float("-inf")

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def show(self, progress: Progress) -> None:
        now = self._clock()
        if self._last is None or progress.stage != self._last.stage:
            if self._live and self._last is not None:  # what comes after it has begun, so it is over
                over = self._last.model_copy(update={"done": self._last.total})
                self._stream.write(f"\r{self._text(over, now)}\x1b[K\n")
            self._pace, self._said_at = Pace(now, progress.done), float("-inf")
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
        width = NARROW_WIDTH if columns() < NARROW else WIDTH
        bar = f"[{'#' * int(width * part)}{'.' * (width - int(width * part))}] " if self._live else ""
        time_left = self._pace.told(progress.done, progress.total, now)
        words = [
            f"{progress.stage:<9} {bar}{part:4.0%} {progress.done}/{progress.total}",
            time_left,
            progress.detail,
        ]
        text = "  ".join(word for word in words if word)
        return within_line(text) if self._live else text


@asynccontextmanager
async def meanwhile(stream: TextIO, what: str, *, alone: bool = True) -> AsyncIterator[None]:
    """Says how long something goes on that can't tell how far it is: each second on a terminal that nobody else writes
    to meanwhile, else seldom."""
    live, began = alone and stream.isatty(), time.monotonic()

    async def tell() -> None:
        while True:
            await asyncio.sleep(1.0 if live else LINE_EVERY_S)
            said = f"{what}, {duration(time.monotonic() - began)}"
            stream.write(f"\r{within_line(said)}\x1b[K" if live else f"{said}\n")
            stream.flush()

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()
        if live:
            stream.write("\r\x1b[K")


def within_line(text: str) -> str:
    """What a terminal shows without beginning another line, which nothing would wipe away."""
    return text[: columns() - 1]


def columns() -> int:
    return shutil.get_terminal_size().columns


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
