"""A run being followed for the screen: a thread reads and verifies, the frame takes what is ready."""

import asyncio
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from console.observation.archive import Archive
from console.observation.errors import ObservationError
from console.observation.last_word import last_word
from console.observation.line import Stamp
from console.observation.observer import Observer
from console.observation.receipts import ReceiptRing, Row
from console.observation.replay import Replay
from console.observation.runner_output import runner_output
from console.observation.runs import RunStanding, inspect_run
from console.observation.source import RunSource
from console.observation.state import State
from console.tui.errors import in_words
from console.tui.player import Player
from runners.records.clock import Clock

POLL_S = 0.08
BLIND_MS = 1000  # without a good look: a folder that is just being made isn't gone
QUIET_POLL_S = 0.5  # of a run that is over
LOOK_S = 1.0  # between looks at the lock: who lives
PROVE_LINES = 24
DRAIN_S = 0.02  # at a time: what is left comes with the next
PIECE_ROWS = 256  # between two looks at the clock
AHEAD = 2  # parts of a journal that may wait to be taken


@dataclass(frozen=True, slots=True)
class Update:
    """The state after a batch, and the batch's receipts."""

    state: State
    rows: tuple[Row, ...]
    current: bool  # not a state of long ago, on the way through a long journal


@dataclass(frozen=True, slots=True)
class Blind:
    """Nothing newer than `since` is known of the run. `wholly`: of its hosts neither."""

    why: str
    since: Stamp
    wholly: bool


class Attachment:
    """`threaded=False` reads within the frame: for tests that want one clock."""

    def __init__(self, run_dir: Path, *, clock: Clock, threaded: bool = True, retained: bool = False) -> None:
        self.run_dir = run_dir
        self.retained = retained
        self._clock = clock
        self.asked_ms = clock.mono_ms()  # since when it is waited for
        self.threaded = threaded
        self.source = RunSource(run_dir, clock=clock)
        self.ring = ReceiptRing(store=Archive(self.source.path_of))
        self.state = State()
        self.standing: RunStanding | None = None
        self.bundle: Path | None = None
        self.problem: str | None = None
        self.last_word = ""  # of a coordinator that isn't alive any more
        self.player: Player | None = None  # the run at another moment than now
        self.polls = 0
        self.caught_up = False  # the journals were read to their end once
        self.updates = 0  # taken by the frame so far: another number is another state
        self._blind: Blind | None = None
        self._observer = Observer()
        self._inbox: deque[Update] = deque()
        self._taken = 0  # rows of the first update in it
        self._stop = threading.Event()
        self._looked = float("-inf")
        self._output: tuple[tuple[str, int], str] = (("", 0), "")
        self._thread: threading.Thread | None = None
        if threaded:
            self._thread = threading.Thread(target=self._follow, name="follow", daemon=True)
            self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def _follow(self) -> None:
        while not self._stop.is_set():
            busy = self.step()
            over = self.state.closed is not None
            self._stop.wait(0 if busy else QUIET_POLL_S if over else POLL_S)
            while not self.caught_up and len(self._inbox) > AHEAD and not self._stop.wait(0.002):
                pass  # a long journal is not read faster than it is taken

    def step(self) -> bool:
        """One look at the run; True when there was something new."""
        if time.monotonic() - self._looked >= LOOK_S:
            self._looked = time.monotonic()
            self._look()
        try:
            batch = self.source.poll()
            self.problem = None
        except (ObservationError, OSError) as error:
            self.problem = in_words(error) if self.run_dir.is_dir() else f"its folder is gone: {self.run_dir}"
            if self._blind is None:
                self._look()  # what was found the last time is gone as well
            self._see(self.problem, wholly=True)
            return False
        self._see(self.source.broken_off, wholly=False)
        if batch and not self.alive:
            self._look()  # who writes lives, or has ended since: the look before this one is too old to say
        if batch or (self.source.caught_up and not self.caught_up):
            rows = self._observer.take(batch)
            self._inbox.append(Update(self._observer.state, rows, self.source.caught_up))
        else:
            self.source.prove(PROVE_LINES)
        self.polls += 1
        self.caught_up = self.source.caught_up
        return bool(batch)

    def _look(self) -> None:
        try:
            run = inspect_run(self.run_dir)
        except OSError as error:
            self.problem = in_words(error)
            return
        self.standing, self.bundle = (run.standing, run.bundle) if run else (None, None)
        self.last_word = last_word(self.run_dir) if self.standing is RunStanding.LEFT else ""

    def _see(self, why: str, *, wholly: bool) -> None:
        if not why:
            self._blind = None
        elif self._blind is None or self._blind.wholly != wholly:
            self._blind = Blind(why, Stamp(self._clock.wall_ms(), self._clock.mono_ms()), wholly)

    def blind_at(self, now_ms: int) -> Blind | None:
        """What has kept the console from seeing the run for a while."""
        blind = self._blind
        # A run that is over does nothing that could be missed.
        over = self.retained or self.state.closed is not None or self.alive is False
        if blind is None or (over and not blind.wholly):
            return None
        return blind if now_ms - blind.since.mono_ms >= BLIND_MS or not blind.wholly else None

    def drain(self) -> int:
        """Take what is ready; returns how many receipts that was."""
        if self._thread is None:
            self.step()
        taken, until = 0, time.monotonic() + DRAIN_S
        while self._inbox and (self._thread is None or time.monotonic() < until):
            update = self._inbox[0]
            rows = update.rows[self._taken : self._taken + PIECE_ROWS]
            self.ring.extend(rows)
            taken += len(rows)
            self._taken += len(rows)
            if self._taken == len(update.rows):
                self._inbox.popleft()
                self._taken = 0
                self.updates += 1
                if update.current:
                    self.state = update.state
        return taken

    async def scrubber(self) -> Player:
        """The player of this run, at its end when it is new. Reads the run again, in a thread. Raises NotARun."""
        if self.player is None:
            read = asyncio.to_thread(Replay.read, self.run_dir, self._clock)
            self.player = Player(await read)
        return self.player

    def output_of(self, node_id: str) -> str:
        """What the host's runner printed, as far as it is known here. Read again at most once a second."""
        host = self.state.host(node_id)
        if host is None:
            return ""
        key = (node_id, int(time.monotonic()))
        if self._output[0] != key:
            self._output = (key, runner_output(self.run_dir, host))
        return self._output[1]

    @property
    def shown_ring(self) -> ReceiptRing:
        return self.player.ring if self.player else self.ring

    @property
    def waiting(self) -> int:
        """Receipts that are ready and not taken yet."""
        return sum(len(update.rows) for update in tuple(self._inbox)) - self._taken

    @property
    def reading(self) -> bool:
        """Is a state of now still to come?"""
        return self.problem is None and (not self.caught_up or bool(self._inbox))

    @property
    def alive(self) -> bool | None:
        return None if self.standing is None else self.standing is RunStanding.LIVE
