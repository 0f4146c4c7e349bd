"""The runner's end of the process that asks the driver: it waits a while, never longer, and makes up no figure."""

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence

from runners.contract.node_records import CardFigures, CardTrouble
from runners.process.probes.accelerator_now import card_figures

ANSWER_BYTES = 4096  # an honest answer has less than 300
PATIENCE_S = 5.0  # past this the driver is called silent; an answer may come later all the same
STARTS = 3  # of the process that asks; one that ends so often isn't started again
FOR_GOOD = ("no_bindings", "no_nvml")  # as a first answer: what isn't installed doesn't come by itself


class AskerEnded(Exception):
    """The process is gone, or says what no answer is."""


def teller(uuid: str, name: str) -> tuple[str, ...]:
    return (sys.executable, "-P", "-m", "runners.process.card_teller", uuid, name)


class Card:
    """The card as NVIDIA's driver tells it, or why it doesn't."""

    def __init__(self, argv: Sequence[str], *, patience_s: float = PATIENCE_S) -> None:
        self._argv, self._patience_s = argv, patience_s
        self._asker: CardAsker | None = None
        self._starts = 0
        self._last: CardFigures | CardTrouble | None = None
        self._for_good: CardTrouble | None = None

    def read(self) -> CardFigures | CardTrouble:
        if self._for_good is None:
            self._last = self._answer()
        return self._for_good or self._last or "silent"

    def kill(self) -> None:
        """From any thread; whoever waits for an answer wakes."""
        asker = self._asker
        if asker is not None:
            asker.kill()

    def close(self) -> None:
        if self._asker is not None:
            self._asker.close()
        self._asker = None

    def _answer(self) -> CardFigures | CardTrouble:
        try:
            if self._asker is None:
                self._starts += 1
                self._asker = CardAsker(self._argv)
            line = self._asker.ask(0 if self._last == "silent" else self._patience_s)
            told = "silent" if line is None else card_figures(line)
        except (AskerEnded, OSError, ValueError):
            self.close()
            self._for_good = "ended" if self._starts >= STARTS else None
            return "ended"
        if self._last is None and told in FOR_GOOD:
            self._for_good = told
            self.close()
        return told


class CardAsker:
    """One question at a time: who hasn't answered isn't asked again, and another process isn't started beside it."""

    def __init__(self, argv: Sequence[str]) -> None:
        # In the runner's own session and group: what ends those ends this too. So does the end of its input.
        self._child = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._ask_fd, self._answer_fd = self._child.stdin.fileno(), self._child.stdout.fileno()
        self._outstanding = False
        self._read = b""

    @property
    def pid(self) -> int:
        return self._child.pid

    def ask(self, patience_s: float) -> bytes | None:
        """One line; None where none came in time. Raises AskerEnded."""
        try:
            if not self._outstanding:
                os.write(self._ask_fd, b"\n")
                self._outstanding = True
            return self._line(time.monotonic() + patience_s)
        except OSError as error:
            raise AskerEnded(str(error)) from error

    def kill(self) -> None:
        self._child.kill()

    def close(self) -> None:
        """By the thread that asks. A process that hangs in the driver is left to init: nobody waits for it."""
        self._child.kill()
        for stream in (self._child.stdin, self._child.stdout):
            assert stream is not None
            stream.close()
        try:
            self._child.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self._child.returncode = 0  # not ours to wait for

    def _line(self, deadline: float) -> bytes | None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._answer_fd, selectors.EVENT_READ)
            while b"\n" not in self._read:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    return None
                got = os.read(self._answer_fd, ANSWER_BYTES)
                self._read += got
                if not got or len(self._read) > ANSWER_BYTES:
                    raise AskerEnded("expected one line, got the end" if not got else "expected one short line")
        line, _, self._read = self._read.partition(b"\n")
        self._outstanding = False
        return line
