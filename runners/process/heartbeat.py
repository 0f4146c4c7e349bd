"""The sign of life: a thread of the runner that says once a period what is really done."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable

import psutil

from runners.contract.document import Word
from runners.contract.node_records import Heartbeat
from runners.contract.states import Phase

Append = Callable[[str, Word], object]


class Progress:
    """What the work has come to. Written by the work, read by the beat."""

    def __init__(self, steps: int) -> None:
        self._guard = threading.Lock()
        self._phase = Phase.PREPARING
        self._steps = steps
        self._step = 0
        self._samples = 0
        self._loss: float | None = None
        self._step_ms: float | None = None

    def enter(self, phase: Phase) -> None:
        with self._guard:
            self._phase = phase

    def resume(self, step: int, samples: int) -> None:
        """The work goes on after what an earlier revision did of it."""
        with self._guard:
            self._step, self._samples = step, samples

    def finish_step(self, *, step: int, samples: int, loss: float, seconds: float) -> None:
        with self._guard:
            self._step = step
            self._samples += samples
            self._loss = loss
            self._step_ms = round(seconds * 1000, 3)

    def beat(self, number: int, *, memory_bytes: int, memory_total_bytes: int) -> Heartbeat:
        with self._guard:
            return Heartbeat(
                beat=number,
                phase=self._phase,
                step=self._step,
                steps=self._steps,
                samples=self._samples,
                loss=self._loss,
                step_ms=self._step_ms,
                memory_bytes=memory_bytes,
                memory_total_bytes=memory_total_bytes,
            )


class HeartbeatThread:
    """Beats on entry and every `period_ms` after it, until exit. A beat that can't be written is tried again later."""

    def __init__(self, append: Append, progress: Progress, *, period_ms: int) -> None:
        self._append = append
        self._progress = progress
        self._period_s = period_ms / 1000
        self._ended = threading.Event()
        self._process = psutil.Process()
        self._memory_total_bytes = int(psutil.virtual_memory().total)
        # A daemon: a disk that never answers must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> "HeartbeatThread":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(timeout=2 * self._period_s + 1)

    def _run(self) -> None:
        number, due = 0, time.monotonic()
        while True:
            self._beat(number)
            number += 1
            # A beat that is late isn't made up for: two at once would say nothing.
            due = max(due + self._period_s, time.monotonic())
            if self._ended.wait(due - time.monotonic()):
                return

    def _beat(self, number: int) -> None:
        try:
            body = self._progress.beat(
                number,
                memory_bytes=int(self._process.memory_info().rss),
                memory_total_bytes=self._memory_total_bytes,
            )
            self._append("heartbeat", body)
        except OSError as error:
            with contextlib.suppress(OSError):
                print(f"heartbeat {number} not written: {error.strerror}", file=sys.stderr)
