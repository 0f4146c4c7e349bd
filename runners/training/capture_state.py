"""How far a capture is, on disk, so that it goes on after a kill; and one living process per folder."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runners.contract.canonical import canonical_bytes, parse_strict
from runners.contract.document import Word, word_from_json
from runners.contract.errors import MalformedBytes
from runners.contract.names import Label, Text
from runners.records.durable import write_durable
from runners.records.errors import AlreadyHeld
from runners.records.lock import FolderLock
from runners.training.capture_memory import Way
from runners.training.errors import CaptureError

STATE_FILE = ".capture.json"
WAIT_S = 0.5


class Part(Word):
    """Something of which a capture is made, by name."""

    name: Label
    value: Text


MadeOf = tuple[Part, ...]


class Done(Word):
    """Whole layers, and whole batches of the next one. A capture of the whole model has one layer."""

    made_of: MadeOf
    way: Way
    layers: int
    batches: int


class CaptureState:
    def __init__(self, folder: Path, save_every_s: float) -> None:
        self._folder, self._every_s = folder, save_every_s
        self._saved_at = time.monotonic()
        self._done: Done | None = None

    @property
    def way(self) -> Way | None:
        """Of the capture that began here, or None where nothing did."""
        return self._done.way if self._done else None

    @property
    def done(self) -> tuple[int, int]:
        """(layers, batches of the next one)."""
        assert self._done is not None
        return self._done.layers, self._done.batches

    @contextmanager
    def alone(self, on_wait: Callable[[], None]) -> Iterator[None]:
        """Waits for another capture into the same folder: its result will be ours."""
        lock = FolderLock(self._folder)
        while True:
            try:
                lock.acquire()
                break
            except AlreadyHeld:
                on_wait()
                time.sleep(WAIT_S)
        try:
            self._sweep(".*.tmp")  # drafts of a process that was killed while it wrote them
            self._done = _read(self._folder / STATE_FILE)
            yield
        finally:
            lock.release()

    def begin(self, way: Way, made_of: MadeOf) -> None:
        """Equal parts give equal bytes: a capture goes on only with those that it began with. Raises CaptureError that
        names the others."""
        if self._done is None:
            self._save(Done(made_of=made_of, way=way, layers=0, batches=0))
            return
        began, now = ({part.name: part.value for part in parts} for parts in (self._done.made_of, made_of))
        if others := [name for name in now | began if began.get(name) != now.get(name)]:
            told = ", ".join(f"{name} {began.get(name, 'none')} (now {now.get(name, 'none')})" for name in others)
            raise CaptureError(
                f"{self._folder}: expected the unfinished capture of this model, data and software, got one that began"
                f" with {told}; go on with what it began with, remove the folder, or choose a new one"
            )

    def reached(self, layers: int, batches: int, sync: Callable[[], None], *, always: bool = False) -> None:
        """`sync` makes durable what the note will claim, and is called only when the note is written."""
        assert self._done is not None
        if always or time.monotonic() - self._saved_at >= self._every_s:
            sync()
            self._save(self._done.model_copy(update={"layers": layers, "batches": batches}))

    def forget(self) -> None:
        """The capture is complete. Whoever waits for the lock finds the manifest."""
        self._sweep(".into-layer-*.f32")  # a kill between two layers leaves one
        (self._folder / STATE_FILE).unlink(missing_ok=True)
        (self._folder / "lock").unlink(missing_ok=True)

    def _sweep(self, pattern: str) -> None:
        for path in self._folder.glob(pattern):
            path.unlink(missing_ok=True)

    def _save(self, done: Done) -> None:
        write_durable(self._folder / STATE_FILE, canonical_bytes(done.to_json()))
        self._done, self._saved_at = done, time.monotonic()


def _read(path: Path) -> Done | None:
    try:
        return word_from_json(Done, parse_strict(path.read_bytes()))
    except FileNotFoundError:
        return None
    except MalformedBytes as error:
        raise CaptureError(
            f"{path}: expected how far a capture is, as this version notes it, got {error}; a capture that another"
            " version began can't go on in this one: remove the folder, or choose a new one"
        ) from error
