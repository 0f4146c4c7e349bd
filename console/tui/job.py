"""A long act as a process of its own: it outlives the console, is told of line by line, and can be cancelled."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from console.evidence.operator_acts import NARRATION, RESULT, Ending
from console.observation.output import last_meaningful
from runners.records.process_group import signal_group

LOOK_S = 0.1
TAIL_BYTES = 64 * 1024
MAX_RESULT_BYTES = 4 * 1024 * 1024
GRACE_S = 90.0  # after being asked to end: a drill closes its scratch run first


@dataclass(frozen=True, slots=True)
class JobState:
    """How far an act is. `said` is the last thing it said that means something."""

    binding: str  # the id of the key that began it
    what: str
    began_ms: int  # monotonic
    said: str = ""
    narration: str = ""  # what it printed meanwhile, its end
    ending: Ending | None = None
    code: int | None = None
    cancelling: bool = False


class Job:
    """What the process prints lies in a folder, so that it needs no reader. `state` changes as a whole."""

    def __init__(self, binding: str, what: str, argv: tuple[str, ...], began_ms: int) -> None:
        self.argv = argv
        self.folder: Path | None = None
        self.state = JobState(binding, what, began_ms)
        self._process: subprocess.Popen[bytes] | None = None
        self._asked_s: float | None = None

    async def run(self, folder: Path) -> JobState:
        """Until the process ends. A console that ends meanwhile leaves it alone. Raises OSError."""
        self.folder = folder
        if self.state.cancelling:
            self.state = replace(self.state, said="it had not begun", ending="cancelled")
            return self.state
        with (folder / RESULT).open("wb") as out, (folder / NARRATION).open("wb") as err, _interrupts_heard():
            # Not asyncio's own: it kills its processes when the loop is closed, and this one may outlive the console.
            self._process = process = subprocess.Popen(  # noqa: ASYNC220 - some ms, and it must outlive the loop
                self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
            )
        while (code := process.poll()) is None:
            await asyncio.sleep(LOOK_S)
            narration = self._tail(NARRATION)
            if narration != self.state.narration:
                self.state = replace(self.state, said=last_meaningful(narration), narration=narration)
            self._hurry()
        ending: Ending = "cancelled" if self.state.cancelling else "done" if code == 0 else "failed"
        said = last_meaningful(self._tail(RESULT if code == 0 else NARRATION)) or self.state.said
        self.state = replace(self.state, said=said, ending=ending, code=code)
        return self.state

    def result(self) -> str:
        return self._tail(RESULT, MAX_RESULT_BYTES)

    def cancel(self) -> None:
        """As Ctrl-C would; a process that doesn't end within the grace is killed."""
        if self.state.cancelling:
            return
        self.state = replace(self.state, cancelling=True)
        self._asked_s = time.monotonic()
        self._send(signal.SIGINT)

    def _hurry(self) -> None:
        if self._asked_s is not None and time.monotonic() - self._asked_s > GRACE_S:
            self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            signal_group(self._process.pid, number)

    def _tail(self, name: str, most: int = TAIL_BYTES) -> str:
        if self.folder is None:
            return ""
        try:
            with (self.folder / name).open("rb") as stream:
                stream.seek(max(0, os.fstat(stream.fileno()).st_size - most))
                return stream.read(most).decode(errors="replace")
        except OSError:
            return ""


@contextlib.contextmanager
def _interrupts_heard() -> Iterator[None]:
    """A console that a script started with `&` ignores SIGINT. A process that inherits that can't be cancelled."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # exec makes it the default one
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
