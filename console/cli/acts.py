"""What the console's keys do to the world: exactly what the commands do."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from console.hosts.ways import NamedWay, Way
from console.tui.acts import StartedRun
from console.tui.errors import ActRefused
from runners.records.clock import Clock

if TYPE_CHECKING:
    from console.hosts.endpoints import Endpoint
    from runners.contract.lane import RunContract
    from runners.records.keys import SigningKey

T = TypeVar("T")
BOOK, SETTINGS = "host book", "settings"  # where an operator names ways


class ConsoleActs:
    """Implements the screen's `Acts`. What starts a run is imported when one is started: the first paint waits for
    neither asyncssh nor NumPy."""

    def __init__(self, lane: str, named: tuple[NamedWay, ...] = (), way_kept: str = "") -> None:
        self._lane = lane
        self._named = named
        self._way, self.way_kept = _found_again(way_kept, named)

    @property
    def lane(self) -> str:
        return self._lane

    @property
    def way(self) -> Way:
        return self._way

    def choose_lane(self, lane: str) -> None:
        _refused_as_such(lambda: _load(lane))
        self._lane, self._way, self.way_kept = lane, Way(), ""

    def choose_endpoint(self, endpoint: "Endpoint") -> None:
        self._way = endpoint.way
        self.way_kept = f"{endpoint.origin}:{endpoint.name}" if endpoint.origin in (BOOK, SETTINGS) else ""

    def lanes(self) -> tuple[str, ...]:
        from console.coordination.lane_file import lane_files

        named = tuple(lane_files())
        return named if self._lane in named else (self._lane, *named)

    def contract(self, lane: str) -> "RunContract":
        return _refused_as_such(lambda: _load(lane))

    def endpoints(self, lane: str) -> tuple["Endpoint", ...]:
        from console.cli.start_options import host_home
        from console.hosts.endpoints import endpoints_of
        from console.hosts.host_book import HostBook

        return _refused_as_such(lambda: endpoints_of(_load(lane), HostBook(host_home()), self._named))

    def start_run(self) -> StartedRun:
        from console.cli.free_machine import one_console_at_a_time, require_free_machine
        from console.cli.run import require_ports
        from console.cli.start import create_run, operator_token, spawn_coordinator
        from console.cli.start_options import StartOptions
        from console.places import runs_dir

        def start() -> StartedRun:
            token = operator_token()
            chosen = StartOptions.by(self._way, self.lane)
            with one_console_at_a_time(runs_dir()):
                require_free_machine(runs_dir(), Clock().wall_ms())
                spec, paths = create_run(chosen, check_ports=require_ports)
                spawn_coordinator(paths, token)
            return StartedRun(spec.run_id, paths.root)

        return _refused_as_such(start)

    def stop_run(self, run_id: str, reason: str) -> str:
        from console.cli.find import find_run
        from console.coordination.inbox import leave_command
        from console.observation.runs import coordinator_folder

        def stop() -> str:
            folder = coordinator_folder(find_run(run_id))
            if folder is None:
                raise ActRefused(f"run {run_id}: expected a run of this machine, got a bundle")
            key, wall_ms = self.operator_key(), Clock().wall_ms()
            return leave_command(folder / "inbox", key, run_id, command="stop", reason=reason, wall_ms=wall_ms)

        return _refused_as_such(stop)

    def continue_run(self, run_id: str) -> StartedRun:
        from console.cli.run import known_run, needs_coordinator
        from console.cli.start import operator_token, spawn_coordinator

        def go_on() -> StartedRun:
            token = operator_token()
            spec, paths = known_run(run_id)
            if not needs_coordinator(paths):
                raise ActRefused(f"run {run_id}: expected one without a coordinator, got one that has it or is closed")
            spawn_coordinator(paths, token)
            return StartedRun(spec.run_id, paths.root)

        return _refused_as_such(go_on)

    def replay_run(self, run_id: str) -> StartedRun:
        from console.cli.replay import open_revision, require_replayable
        from console.cli.run import known_run
        from console.cli.start import operator_token, spawn_coordinator

        def replay() -> StartedRun:
            token = operator_token()
            spec, paths = known_run(run_id)
            again, new = open_revision(spec, paths, require_replayable(spec, paths, None))
            spawn_coordinator(new, token)
            return StartedRun(again.run_id, new.root)

        return _refused_as_such(replay)

    def command(self, *words: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "console.cli.main", *words)

    def operator_key(self) -> "SigningKey":
        from console.cli.start import operator_key

        return _refused_as_such(operator_key)


def _load(lane: str) -> "RunContract":
    from console.coordination.lane_file import load_lane

    return load_lane(lane)


def _refused_as_such(act: Callable[[], T]) -> T:
    """What a command would print and exit with is the reason that the screen shows."""
    from console.cli.errors import MissingTool, UsageError
    from console.coordination.errors import CoordinationError
    from console.evidence.errors import EvidenceError
    from console.hosts.errors import HostError
    from runners.contract.errors import ContractError
    from runners.records.errors import RecordsError

    known = (UsageError, MissingTool, CoordinationError, EvidenceError, HostError, ContractError, RecordsError)
    try:
        return act()
    except OSError as error:
        place = error.filename or "a file"
        why = f"{place}: expected to use it, got {error.strerror or error}"
        raise ActRefused(f"{why}; SWARM_HOME and SWARM_RUNS name other folders") from error
    except known as error:
        raise ActRefused(str(error)) from error


def _found_again(kept: str, named: tuple[NamedWay, ...]) -> tuple[Way, str]:
    """The way that an earlier session chose, and what it is kept as; a host that was forgotten since is refused by `g`.

    The lane's own, where the settings don't name it any more."""
    origin, _, name = kept.partition(":")
    if origin == BOOK and name:
        return Way(remote=name), kept
    found = next((one.way for one in named if origin == SETTINGS and one.name == name), None)
    return (Way(), "") if found is None else (found, kept)
