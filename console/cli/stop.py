"""`swarm stop ID`: a signed command in the run's inbox."""

import argparse
import sys

from console.cli.errors import UsageError
from console.cli.find import find_run
from console.cli.start import operator_key
from console.coordination.inbox import leave_command
from console.observation.runs import bundle_of, coordinator_folder
from runners.records.clock import Clock
from runners.records.lock import is_held


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "stop",
        help="end a run: its runners are stopped and its bundle is closed",
        description="Leaves a signed command in the run's inbox and returns; the coordinator ends the runners and "
        "closes a bundle that says stopped_by_operator. Prints the command's id, which the bundle names.",
    )
    parser.add_argument("run_id", help="the run; `swarm status` lists them")
    parser.add_argument("--reason", default="stopped by swarm stop", help="kept in the record")
    parser.set_defaults(act=stop)


def stop(options: argparse.Namespace) -> int:
    folder = coordinator_folder(find_run(options.run_id))
    if folder is None or bundle_of(folder.parent.parent) is not None:
        raise UsageError(f"run {options.run_id}: expected a run that goes on, got a closed one")
    clock = Clock()
    command_id = leave_command(
        folder / "inbox", operator_key(), options.run_id,
        command="stop", reason=options.reason, wall_ms=clock.wall_ms(),
    )  # fmt: skip
    print(command_id)
    if is_held(folder):
        print(f"asked; `swarm attach {options.run_id}` watches it end", file=sys.stderr)
    else:
        print(f"no coordinator lives: `swarm attach {options.run_id}` carries it out", file=sys.stderr)
    return 0
