"""The terminal as it really is: it may be lost while we draw, and a lone escape must not wait."""

import asyncio
import contextlib
import os
import select
import signal
import threading
from codecs import getincrementaldecoder
from collections.abc import Iterable, Mapping
from typing import IO, Any, cast

from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Resize
from textual.geometry import Size
from textual.message import Message

WAIT_S = 0.1  # between two looks whether the driver ends
ESCAPE_WAIT_S = 0.017  # after a byte: was it a lone escape?
LEAVE_S = 2.0  # for an orderly end without a terminal
HUNG_UP = 128 + signal.SIGHUP  # what a shell says of a process that SIGHUP ended


def answers_what_is_set(environ: Mapping[str, str]) -> bool:
    """May it be asked whether it has a mode (DECRQM)? Apple's Terminal prints the question's last letter."""
    return environ.get("TERM_PROGRAM") != "Apple_Terminal"


class TerminalDriver(LinuxDriver):
    """Textual's driver for Linux and macOS, but for these: a lost terminal, SIGHUP and SIGTERM end the console in order
    instead of spinning at end of file or leaving a raw terminal, drawing to a lost one raises nothing, a lone escape is
    told 80 ms sooner, and of many sizes in a row the last one stands."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self._file = _LossProof(cast("IO[str]", self._file))  # type: ignore[assignment]
        self._started = False

    def start_application_mode(self) -> None:
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._started:
            self._app.call_later(self._app.refresh, repaint=True, layout=True)  # the terminal is blank again
        self._started = True
        loop = asyncio.get_running_loop()
        for told in (signal.SIGHUP, signal.SIGTERM):
            loop.add_signal_handler(told, self._leave, 128 + told)
        loop.add_signal_handler(signal.SIGWINCH, self._tell_size)

    def _tell_size(self) -> None:
        """Asked for in the loop's own turn. Textual asks in the signal's handler, which the next signal interrupts: the
        newer size is then told before the older one, and the console keeps a size that the terminal hasn't any more."""
        if not self._in_band_window_resize:
            size = Size(*self._get_terminal_size())
            self._app.post_message(Resize(size, size))

    def _query_in_band_window_resize(self) -> None:
        """Textual spares Apple's Terminal its other question only."""
        if answers_what_is_set(os.environ):
            super()._query_in_band_window_resize()

    def _sigcont_application(self, *_: object) -> None:
        """After SIGTSTP the terminal was given back; after SIGSTOP, nobody asked us, and it is in unknown hands.
        Textual would start a second pair of threads on it."""
        if not self._auto_restart:
            return
        if not self._must_signal_resume:
            self.suspend_application_mode()
        self.resume_application_mode()

    def run_input_thread(self) -> None:
        parser, decode = XTermParser(self._debug), getincrementaldecoder("utf-8")("replace").decode
        wait_s = WAIT_S
        while not self.exit_event.is_set():
            ready, _, _ = select.select([self.fileno], [], [], wait_s)
            wait_s = ESCAPE_WAIT_S if ready else WAIT_S
            if ready:
                data = self._read()
                if not data:
                    self._app.call_later(self._leave, HUNG_UP)
                    return
                self._pass_on(parser.feed(text) if (text := decode(data)) else ())
            self._pass_on(parser.tick())

    def _read(self) -> bytes:
        """Nothing is the end of the terminal: at end of file, and by EIO once its other side is closed."""
        try:
            return os.read(self.fileno, 4096)
        except OSError:
            return b""

    def _pass_on(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.process_message(message)

    def _leave(self, code: int) -> None:
        """In order, with the terminal as it was before; and if that hangs on a terminal that is gone, anyway.
        Runs go on, as after `q`."""
        last = threading.Timer(LEAVE_S, os._exit, (code,))
        last.daemon = True
        last.start()
        self._app.exit(return_code=code)


class _LossProof:
    """What is written to a terminal that is gone is dropped: nobody reads it."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._file.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._file.flush()

    def isatty(self) -> bool:
        return self._file.isatty()

    def fileno(self) -> int:
        return self._file.fileno()
