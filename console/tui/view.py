"""What a screen gets to draw: the run at a moment, and what is true of the console itself."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from console.observation.runs import RunRef
from console.observation.snapshot import Snapshot
from console.observation.source import Counters
from console.tui.job import JobState
from console.tui.key_names import KeyNames
from console.tui.verification import Verified

if TYPE_CHECKING:
    from console.tui.drill_board import DrillCard


class Mode(StrEnum):
    IDLE = "idle"  # no run is watched
    STARTING = "starting"  # a run was asked for, or has no record yet
    LIVE = "live"
    LEFT = "left"  # no coordinator is alive and none closed the run
    CLOSED = "closed"
    RETAINED = "retained"  # opened from the viewer: what is shown isn't now


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One act of the operator at this console, and what came of it."""

    wall_ms: int
    binding: str  # the id of its key; empty where none is known
    what: str
    outcome: str
    role: str = "muted"
    receipt: str = ""  # the signed act's digest
    folder: Path | None = None  # where that lies

    def key(self, keys: KeyNames) -> str:
        return keys(self.binding) if self.binding else ""


@dataclass(frozen=True, slots=True)
class ReplayAt:
    """Where the scrubber stands."""

    wall_ms: int
    share: float
    playing: bool


@dataclass(frozen=True, slots=True)
class BlindFor:
    """How long nothing new is known of the run, and why."""

    why: str
    for_ms: int
    wholly: bool  # its hosts neither


@dataclass(frozen=True, slots=True)
class View:
    snapshot: Snapshot
    mode: Mode
    title: str
    bundle: str | None
    counters: Counters
    replay: ReplayAt | None = None  # what is shown is another moment than now
    reading: bool = False  # the journals are being read for the first time
    blind: BlindFor | None = None  # what is shown is older than it looks
    held_back: int | None = None  # records that came while the display was paused
    gap_ms: int | None = None  # the console's own lateness
    waited_ms: int = 0  # for the run's first record
    read_only: bool = False
    place: str = "dashboard"
    blocked: frozenset[str] = frozenset()  # ids of bindings that would be refused now
    notice: tuple[str, str] | None = None  # a passing word of the console: text and role
    log: tuple[LogEntry, ...] = ()
    job: JobState | None = None  # the long act that goes on
    lane: str = ""
    keys: KeyNames = field(default_factory=KeyNames)
    way: str = ""  # to the lane's contributor, where the operator chose one
    refused: LogEntry | None = None  # the newest act at this console, where it failed
    acknowledged: frozenset[str] = frozenset()  # sha256 of receipts
    drills: tuple["DrillCard", ...] = ()
    verified: Verified | None = None  # the offline check of this run's bundle
    runs: tuple[RunRef, ...] = field(default=(), compare=False)
    other_live: bool = False  # a run goes on here that isn't the one that is watched
    last: RunRef | None = field(default=None, compare=False)  # this machine's newest run
