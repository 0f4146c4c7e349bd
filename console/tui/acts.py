"""What the operator can do to the world. The screen asks; someone else acts."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from console.hosts.endpoints import Endpoint
    from console.hosts.ways import Way
    from runners.contract.lane import RunContract
    from runners.records.keys import SigningKey


@dataclass(frozen=True, slots=True)
class StartedRun:
    run_id: str
    run_dir: Path


class Acts(Protocol):
    """Called in a worker thread, so it may take a second. Raises ActRefused with what went wrong and what to do."""

    @property
    def lane(self) -> str:
        """Name of the lane that is started, drilled and brought up; or the path of its file."""
        ...

    @property
    def way(self) -> "Way":
        """How the contributor is reached."""
        ...

    @property
    def way_kept(self) -> str:
        """What to call it, so that the next session finds it again; empty for the lane's own."""
        ...

    def lanes(self) -> tuple[str, ...]: ...

    def contract(self, lane: str) -> "RunContract": ...

    def endpoints(self, lane: str) -> "tuple[Endpoint, ...]": ...

    def choose_lane(self, lane: str) -> None: ...

    def choose_endpoint(self, endpoint: "Endpoint") -> None: ...

    def start_run(self) -> StartedRun:
        """Start a run of the lane, detached from the console."""
        ...

    def stop_run(self, run_id: str, reason: str) -> str:
        """Leave a signed stop command in the run's inbox; returns the command's id."""
        ...

    def continue_run(self, run_id: str) -> StartedRun:
        """A new coordinator for a run whose own died, detached from the console; it takes over from the journals."""
        ...

    def replay_run(self, run_id: str) -> StartedRun:
        """Open the next revision of a run that needs one, detached from the console."""
        ...

    def command(self, *words: str) -> tuple[str, ...]:
        """How `swarm WORDS` is started as a process of its own."""
        ...

    def operator_key(self) -> "SigningKey":
        """Signs what the operator does. Made on first use."""
        ...
