"""The console as a person starts it: a child on a pseudo terminal of its own, read byte by byte."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from types import TracebackType
from typing import Self

import psutil

_ESCAPES = re.compile(rb"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-9;?<>$=]*[A-Za-z~]|\x1b[()][AB0]|\x1b.")
CONSOLE = (sys.executable, "-m", "console.cli.main", "console")
LONGEST_S = 30.0


class NotShown(RuntimeError):
    """The terminal never showed what was waited for."""


class Terminal:
    """`argv` runs in it. Times are in seconds of the monotonic clock."""

    def __init__(self, size: tuple[int, int], argv: tuple[str, ...] = CONSOLE, **environment: str) -> None:
        self.argv, self.columns, self.rows = argv, *size
        self.exit_code: int | None = None
        self.began = 0.0
        self.written = 0  # bytes that the console wrote
        self._environment = {"TERM": "xterm-256color", "COLORTERM": "truecolor", **environment}
        self._tail = b""

    def __enter__(self) -> Self:
        self.began = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # The child has the size before it looks: fd 0 is the terminal.
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.columns, 0, 0))
            # Not execv: readline leaves COLUMNS and LINES in the C environment, and they'd be believed.
            names = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
            os.execve(self.argv[0], self.argv, {**names, **self._environment})  # noqa: S606 - this very interpreter, no shell
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.exit_code is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait(5)
        if self.fd >= 0:
            os.close(self.fd)

    # -- what it shows

    def read(self, wait_s: float) -> bytes:
        """What is written within `wait_s`, at most 64 KiB; nothing when there is nothing or the child closed it."""
        ready, _, _ = select.select([self.fd], [], [], wait_s)
        try:
            data = os.read(self.fd, 65536) if ready else b""
        except OSError:  # Linux says EIO when the other side is closed
            return b""
        self.written += len(data)
        return data

    def wait_for(self, *markers: str, longest_s: float = LONGEST_S) -> float:
        """Seconds from now until every marker was written since the last wait. Raises NotShown."""
        began, text = time.perf_counter(), self._tail
        wanted = [marker.encode() for marker in markers]
        while True:
            plain = _ESCAPES.sub(b"", text)
            wanted = [marker for marker in wanted if marker not in plain]
            if not wanted:
                self._tail = b""
                return time.perf_counter() - began
            left = began + longest_s - time.perf_counter()
            if left <= 0 or not self.alive:
                raise NotShown(
                    f"{wanted[0].decode()!r} within {longest_s} s; last: {plain[-400:].decode(errors='replace')}"
                )
            # A marker may lie across two reads, so some of the old text stays.
            text = text[-4096:] + self.read(min(left, 0.5))

    def settle(self, quiet_s: float = 0.15) -> None:
        """Until nothing was written for a while: the bytes that come next answer what comes next."""
        while self.read(quiet_s):
            pass
        self._tail = b""

    def drain(self, for_s: float) -> bytes:
        """Keep reading, as a terminal does, for so long; returns what came."""
        end, data = time.perf_counter() + for_s, b""
        while (left := end - time.perf_counter()) > 0 and self.alive:
            data += self.read(left)
        return data

    def drain_until(self, wall_s: float) -> None:
        while (left := wall_s - time.time()) > 0 and self.alive:
            self.drain(left)

    # -- what is done to it

    def press(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def timed(self, keys: str, *markers: str, longest_s: float = LONGEST_S) -> float:
        """Seconds from the key until the markers are written."""
        self._tail = b""
        self.press(keys)
        return self.wait_for(*markers, longest_s=longest_s)

    def resize(self, columns: int, rows: int) -> None:
        """The kernel tells the child by SIGWINCH."""
        self.columns, self.rows = columns, rows
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def tell(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def hang_up(self) -> None:
        """The terminal goes away, as when its window is closed."""
        os.close(self.fd)
        self.fd = -1

    # -- the process

    @property
    def alive(self) -> bool:
        return self.wait(0) is None

    def wait(self, longest_s: float) -> int | None:
        """The exit status (128 + n for signal n), or None while it runs; reads on meanwhile, as a terminal does."""
        end = time.perf_counter() + longest_s
        while self.exit_code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self.exit_code = 128 - code if code < 0 else code
            elif time.perf_counter() >= end:
                break
            elif self.fd >= 0:
                self.read(0.02)
            else:
                time.sleep(0.02)
        return self.exit_code

    def stopped(self) -> bool:
        """Is it stopped, as by SIGSTOP?"""
        return psutil.Process(self.pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
