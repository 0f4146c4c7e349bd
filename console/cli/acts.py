"""What the console's keys do to the world: exactly what the commands do."""

import sys

from console.cli.errors import MissingTool, UsageError
from console.cli.find import find_run
from console.cli.run import known_run, require_ports
from console.cli.start import StartOptions, create_run, operator_key, operator_token, spawn_coordinator
from console.coordination.errors import CoordinationError
from console.coordination.inbox import leave_command
from console.coordination.lane_file import load_lane
from console.evidence.errors import EvidenceError
from console.observation.runs import coordinator_folder
from console.tui.acts import StartedRun
from console.tui.errors import ActRefused
from runners.contract.errors import ContractError
from runners.records.clock import Clock
from runners.records.errors import RecordsError
from runners.records.keys import SigningKey

REFUSALS = (UsageError, MissingTool, CoordinationError, EvidenceError, ContractError, RecordsError, OSError)


class ConsoleActs:
    """Implements the screen's `Acts`."""

    def __init__(self, lane: str) -> None:
        self._lane = lane

    @property
    def lane(self) -> str:
        return self._lane

    def choose_lane(self, lane: str) -> None:
        try:
            load_lane(lane)
        except REFUSALS as error:
            raise ActRefused(str(error)) from error
        self._lane = lane

    def start_run(self) -> StartedRun:
        try:
            token = operator_token()
            spec, paths = create_run(StartOptions(lane=self.lane), check_ports=require_ports)
            spawn_coordinator(paths, token)
        except REFUSALS as error:
            raise ActRefused(str(error)) from error
        return StartedRun(spec.run_id, paths.root)

    def stop_run(self, run_id: str, reason: str) -> str:
        try:
            folder = coordinator_folder(find_run(run_id))
            if folder is None:
                raise ActRefused(f"run {run_id}: expected a run of this machine, got a bundle")
            clock = Clock()
            return leave_command(
                folder / "inbox", operator_key(), run_id, command="stop", reason=reason, wall_ms=clock.wall_ms()
            )
        except REFUSALS as error:
            raise ActRefused(str(error)) from error

    def replay_run(self, run_id: str) -> StartedRun:
        from console.cli.replay import open_revision, require_replayable

        try:
            token = operator_token()
            spec, paths = known_run(run_id)
            again, new = open_revision(spec, paths, require_replayable(spec, paths, None))
            spawn_coordinator(new, token)
        except REFUSALS as error:
            raise ActRefused(str(error)) from error
        return StartedRun(again.run_id, new.root)

    def command(self, *words: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "console.cli.main", *words)

    def operator_key(self) -> SigningKey:
        try:
            return operator_key()
        except REFUSALS as error:
            raise ActRefused(str(error)) from error
