"""One drill as it happens: a run is followed, the fault strikes, and what came of it is collected."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from console.coordination.paths import RunPaths
from console.coordination.spec import RunSpec
from console.drills.errors import CoordinatorStays, RunAbandoned
from console.drills.expectation import Case, struck_node
from console.drills.faults import Fault, FlippedByte, Killed, SetBefore, Slowed, Stopped
from console.drills.heard import Heard
from console.drills.matching import Story
from console.drills.strike import keep_strike
from console.observation.line import Line
from console.observation.source import RunSource
from runners.contract.coordinator_records import EpochOpened, RunOpened
from runners.records.clock import Clock
from runners.records.lock import is_held

ORPHANED_AFTER_S = 10.0
LEAVING_S = 0.05  # between two looks at a coordinator that is done
LEAVE_S = 60.0  # it writes one document and ends the agents that it started: a second, on a machine that has time

Hear = Callable[[Line], None]


def fault_for(case: Case, spec: RunSpec, clock: Clock) -> Fault:
    """On this machine the drill knows the other host's run root, as its owner does."""
    node_id = struck_node(spec.contract).node_id
    root = next((Path(remote.run_root) for remote in spec.remotes if remote.run_root is not None), Path())
    faults: dict[Case, Callable[[], Fault]] = {
        "stale_worker": lambda: Stopped(node_id, clock),
        "contributor_loss": lambda: Killed(node_id, clock),
        "uneven_worker_speed": lambda: Slowed(node_id, clock, run_root=root),
        "flipped_byte": lambda: FlippedByte(node_id, clock, run_root=root),
        "another_shape": SetBefore,
    }
    return faults[case]()


@dataclass
class Rehearsal:
    """Follows a run whose coordinator was started by somebody else. `hear` is told every record."""

    paths: RunPaths
    node_id: str
    fault: Fault
    hear: Hear
    stop: Callable[[], bool] = lambda: False  # was the drill asked to end? It says so once to whoever can stop the run
    _struck: bool = False
    _pid: int = 0  # of the last coordinator that opened the run

    def __post_init__(self) -> None:
        self._heard = Heard(self.node_id)

    def until_closed(self) -> Story:
        """Returns when the bundle is in place: whole, by one rename. Raises RunAbandoned. The fault is undone in any
        case."""
        source = RunSource(self.paths.root)
        alive_at = time.monotonic()
        try:
            while not self._turn(source):
                if self.stop():
                    self.fault.undo()
                if is_held(self.paths.coordinator):
                    alive_at = time.monotonic()
                elif time.monotonic() - alive_at > ORPHANED_AFTER_S:
                    raise RunAbandoned(f"run {self.paths.root.name}: expected a living coordinator, got none; see "
                                       f"{self.paths.log}")  # fmt: skip
                time.sleep(self.fault.pause_s)
        finally:
            self.fault.undo()
        struck = self.fault.struck
        return self._heard.story(struck.mono_ms if struck else None)

    def _turn(self, source: RunSource) -> bool:
        for line in source.poll().lines:
            if isinstance(line.body, (RunOpened, EpochOpened)):
                self._pid = line.body.pid
            self.fault.hear(line)
            self.hear(line)
            self._heard.take(line)
        self.fault.turn()
        self._note_strike()
        return self._heard.last == "closed" and self.paths.bundle.exists()

    def until_left(self, patience_s: float = LEAVE_S) -> None:
        """Returns when the coordinator has written what lies beside the bundle and is gone. Raises CoordinatorStays."""
        deadline = time.monotonic() + patience_s
        while is_held(self.paths.coordinator):
            if self.stop() or time.monotonic() > deadline:
                run_id, pid = self.paths.root.name, self._pid
                raise CoordinatorStays(
                    f"run {run_id}: expected its coordinator to leave within {patience_s:g} s of its bundle, got "
                    f"process {pid} that lives on; see {self.paths.log}. Bundle and verdict are whole: `kill -9 {pid}` "
                    f"ends it, and `swarm evidence {run_id}` writes what it would have left beside them"
                )
            time.sleep(LEAVING_S)

    def _note_strike(self) -> None:
        """Kept at once: whoever watches, or comes after a drill that was killed, knows what was done and when."""
        struck = self.fault.struck
        if struck is not None and not self._struck:
            self._struck = True
            keep_strike(self.paths.root, struck.what, struck.mono_ms, struck.wall_ms)
