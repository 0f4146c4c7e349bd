"""What the console's keys do to the world: exactly what the commands do."""

from console.cli.errors import UsageError
from console.tui.acts import StartedRun
from console.tui.errors import ActRefused
from runners.records.clock import Clock


class ConsoleActs:
    """Implements the screen's `Acts`. What starts a run is imported when one is started: the first paint waits for
    neither asyncssh nor NumPy."""

    def __init__(self, lane: str) -> None:
        self.lane = lane

    def start_run(self) -> StartedRun:
        from console.cli.run import require_ports
        from console.cli.start import create_run, operator_token, spawn_coordinator
        from console.cli.start_options import StartOptions
        from console.coordination.errors import CoordinationError

        try:
            token = operator_token()
            spec, paths = create_run(StartOptions(lane=self.lane), check_ports=require_ports)
            spawn_coordinator(paths, token)
        except (UsageError, CoordinationError, OSError) as error:
            raise ActRefused(str(error)) from error
        return StartedRun(spec.run_id, paths.root)

    def stop_run(self, run_id: str, reason: str) -> str:
        from console.cli.find import find_run
        from console.cli.start import operator_key
        from console.coordination.inbox import leave_command
        from console.observation.runs import coordinator_folder

        try:
            folder = coordinator_folder(find_run(run_id))
            if folder is None:
                raise ActRefused(f"run {run_id}: expected a run of this machine, got a bundle")
            clock = Clock()
            return leave_command(
                folder / "inbox", operator_key(), run_id, command="stop", reason=reason, wall_ms=clock.wall_ms()
            )
        except (UsageError, OSError) as error:
            raise ActRefused(str(error)) from error
