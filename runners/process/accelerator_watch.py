"""Says every two seconds what the accelerator does: a thread beside the heartbeat's, so that no beat waits for it."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable

from runners.contract.document import Word
from runners.contract.node_records import AcceleratorRead, CardFigures, HeldMemory
from runners.contract.receipts import Device
from runners.process.card_asker import Card, teller
from runners.process.probes.accelerator_now import Held, card_uuid, held_memory

Append = Callable[[str, Word], object]

PERIOD_S = 2.0


class AcceleratorWatch:
    """Silent until `start`. Nothing that happens here reaches the work.

    `note` is for the thread that computes: it reads what the array library holds, which no other thread may ask.
    """

    def __init__(self, append: Append, *, period_s: float = PERIOD_S) -> None:
        self._append = append
        self._period_s = period_s
        self._guard = threading.Lock()  # over the end: no record comes after it
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._device_label = ""
        self._card: Card | None = None
        self._read_held: Held | None = None
        self._held: HeldMemory | None = None
        self._note_due = 0.0

    def start_on(self, device: Device) -> None:
        """Of a processor nothing is claimed."""
        read_held = held_memory(device)
        if read_held is not None:
            card = Card(teller(card_uuid(device), device.name)) if device.kind == "cuda" else None
            self.start(device.device_label, read_held, card)

    def start(self, device_label: str, read_held: Held, card: Card | None) -> None:
        self._device_label, self._read_held, self._card = device_label, read_held, card
        self.note()
        # A daemon: what never answers must not keep the process from ending.
        thread = threading.Thread(target=self._run, name="accelerator", daemon=True)
        with contextlib.suppress(RuntimeError):  # no room for another thread: nothing is told, and the work goes on
            thread.start()
            self._thread = thread

    def note(self) -> None:
        """After a step or a stage; cheap between two readings."""
        now = time.monotonic()
        if self._read_held is None or now < self._note_due:
            return
        self._note_due = now + self._period_s / 2
        try:
            self._held = self._read_held()
        except Exception:  # whatever a library says whose device broke down: the work will say so itself
            self._held = None

    def __enter__(self) -> "AcceleratorWatch":
        return self

    def __exit__(self, *_: object) -> None:
        with self._guard:
            self._ended.set()
        if self._card is not None:
            self._card.kill()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def _run(self) -> None:
        due, last = time.monotonic(), None
        try:
            while not self._ended.is_set():
                body = self._reading()
                if body.trouble is None or body != last:  # a trouble that stays is said once
                    self._say(body)
                last = body
                due = max(due + self._period_s, time.monotonic())
                self._ended.wait(due - time.monotonic())
        finally:
            if self._card is not None:
                self._card.close()

    def _reading(self) -> AcceleratorRead:
        told = None if self._card is None else self._card.read()
        card, trouble = (told, None) if isinstance(told, CardFigures) else (None, told)
        return AcceleratorRead(device_label=self._device_label, held=self._held, card=card, trouble=trouble)

    def _say(self, body: AcceleratorRead) -> None:
        with self._guard:
            if self._ended.is_set():
                return
            try:
                self._append("accelerator_read", body)
            except OSError as error:
                with contextlib.suppress(OSError):
                    print(f"reading of the accelerator not written: {error.strerror}", file=sys.stderr)
