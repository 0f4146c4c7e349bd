"""The faults, each put into real processes and files of this machine. The coordinator is told nothing of them."""

import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from console.observation.line import Line
from runners.contract.coordinator_records import AgentStarted, Launched, RunnerChanged, SkewMeasured
from runners.contract.plan import ADAPTER_FILE
from runners.contract.states import RunnerState
from runners.records.clock import Clock
from runners.records.process_identity import ProcessIdentity

CALM_S = 0.05
ALERT_S = 0.002


@dataclass(frozen=True)
class Strike:
    """When the fault began, and what was done."""

    mono_ms: int
    wall_ms: int
    what: str


class Fault(Protocol):
    """Hears every record of the run, acts in `turn`, and is always undone: nothing of a drill stays behind."""

    struck: Strike | None
    pause_s: float  # until the next turn

    def hear(self, line: Line) -> None: ...

    def turn(self) -> None: ...

    def undo(self) -> None: ...


@dataclass
class SetBefore:
    """The fault lies in the host's settings and was there before the run."""

    struck: Strike | None = None
    pause_s: float = CALM_S

    def hear(self, line: Line) -> None: ...

    def turn(self) -> None: ...

    def undo(self) -> None: ...


@dataclass
class _OnRunner:
    """What the signal faults share: the runner of `node_id`, from the moment that it began to train."""

    node_id: str
    clock: Clock
    target: ProcessIdentity | None = None
    training: bool = False
    struck: Strike | None = None
    pause_s: float = CALM_S

    def hear(self, line: Line) -> None:
        if isinstance(line.body, Launched) and line.body.node_id == self.node_id:
            self.target = ProcessIdentity(line.body.pid, line.body.process_started_ms)
            self.pause_s = ALERT_S * 5
        if not line.from_coordinator and line.node_id == self.node_id and line.kind == "began":
            self.training = True

    def send(self, number: signal.Signals) -> bool:
        return self.target is not None and self.target.send(number)

    def strike(self, number: signal.Signals, why: str) -> None:
        at = self.clock.mono_ms(), self.clock.wall_ms()
        if self.target is not None and self.send(number):
            self.struck = Strike(*at, f"{number.name} to the runner of {self.node_id}, pid {self.target.pid}, {why}")
            self.pause_s = CALM_S


@dataclass
class Stopped(_OnRunner):
    """SIGSTOP while it trains: it exists and is silent. It wakes when the coordinator has found it lost."""

    def hear(self, line: Line) -> None:
        super().hear(line)
        body = line.body
        if isinstance(body, RunnerChanged) and body.node_id == self.node_id and body.after is RunnerState.LOST:
            self.undo()

    def turn(self) -> None:
        if self.training and self.struck is None:
            self.strike(signal.SIGSTOP, "while it trains")

    def undo(self) -> None:
        if self.struck is not None:
            self.send(signal.SIGCONT)


@dataclass
class Killed(_OnRunner):
    """kill -9 while it trains."""

    def turn(self) -> None:
        if self.training and self.struck is None:
            self.strike(signal.SIGKILL, "while it trains")

    def undo(self) -> None:
        """Nobody is brought back."""


@dataclass
class Slowed(_OnRunner):
    """Stopped and let go in turn, each time just long enough for one heartbeat, until the skew passed its bound.

    As slow as it gets, it is never silent for long enough to be stale: a worker that is slow and not gone.
    """

    run_root: Path = field(default_factory=Path)  # the host's owner sees when its runner has said something
    rest_ms: int = 2000
    gasp_ms: int = 1000  # the longest that it runs at a time
    journal: str = ""
    _resting: bool = False
    _until_ms: int = 0
    _said: int = 0
    _over: bool = False

    def hear(self, line: Line) -> None:
        super().hear(line)
        if isinstance(line.body, Launched) and line.body.node_id == self.node_id:
            self.journal = line.body.journal
        if isinstance(line.body, SkewMeasured):
            self.undo()

    def turn(self) -> None:
        if not self.training or self._over:
            return
        if self.struck is None:
            self.strike(signal.SIGSTOP, f"for {self.rest_ms} ms again and again")
            self.pause_s = ALERT_S
            self._rest()
        elif self._resting and self.clock.mono_ms() >= self._until_ms:
            self._said, self._until_ms, self._resting = self._size(), self.clock.mono_ms() + self.gasp_ms, False
            self.send(signal.SIGCONT)
        elif not self._resting and (self._size() > self._said or self.clock.mono_ms() >= self._until_ms):
            self.send(signal.SIGSTOP)
            self._rest()

    def _rest(self) -> None:
        self._resting, self._until_ms = True, self.clock.mono_ms() + self.rest_ms

    def _size(self) -> int:
        try:
            return (self.run_root / self.journal).stat().st_size
        except OSError:
            return 0

    def undo(self) -> None:
        self._over, self.pause_s = True, CALM_S
        if self.struck is not None:
            self.send(signal.SIGCONT)


@dataclass
class FlippedByte(_OnRunner):
    """One bit of the adapter changes in the outbox between the contributor's journal entry and the fetch.

    The agent stands still for that moment: an upload of this size is fetched faster than anyone could edit it.
    """

    run_root: Path = field(default_factory=Path)
    longest_ms: int = 2000  # that the agent is held: a link must not go down for this
    agent: ProcessIdentity | None = None
    journal: str = ""
    _held_ms: int | None = None

    def hear(self, line: Line) -> None:
        super().hear(line)
        body = line.body
        if isinstance(body, AgentStarted) and body.node_id == self.node_id:
            self.agent = ProcessIdentity(body.pid, body.process_started_ms)
        if isinstance(body, Launched) and body.node_id == self.node_id:
            self.journal = body.journal
        if self.training:
            self.pause_s = ALERT_S

    def turn(self) -> None:
        if self.struck is not None or not self.training or self.agent is None or not self._outbox().is_dir():
            return
        if self._held_ms is None:
            self._held_ms = self.clock.mono_ms()
            self.agent.send(signal.SIGSTOP)
        if self._journaled():
            self._flip()
        if self.struck is not None or self.clock.mono_ms() - self._held_ms > self.longest_ms:
            self.undo()

    def _flip(self) -> None:
        at = self.clock.mono_ms(), self.clock.wall_ms()
        offset = flip_one_bit(self._outbox() / ADAPTER_FILE)
        self.struck = Strike(*at, f"one bit of {ADAPTER_FILE} in the outbox of {self.node_id} flipped at byte {offset}")

    def _outbox(self) -> Path:
        return self.run_root / "outbox" / "r0"

    def _journaled(self) -> bool:
        return b'"kind":"produced"' in (self.run_root / self.journal).read_bytes()

    def undo(self) -> None:
        self.pause_s = CALM_S
        if self.agent is not None:
            self.agent.send(signal.SIGCONT)


def flip_one_bit(path: Path) -> int:
    """The lowest bit of the byte in the middle, in place, synced; its offset. The file stays read-only."""
    path.chmod(0o644)
    with path.open("r+b") as file:
        offset = path.stat().st_size // 2
        file.seek(offset)
        value = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([value ^ 1]))
        file.flush()
        os.fsync(file.fileno())
    path.chmod(0o444)
    return offset
