"""`swarm status [ID]`: what runs there are, and where one stands."""

import argparse
import json

from console.cli.find import find_run
from console.observation.runs import RunRef, inspect_run, list_runs
from console.observation.source import RunSource
from console.places import runs_dir
from runners.contract.coordinator_records import Closed, WindowChanged


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "status",
        help="runs on this machine, newest first, or where one run stands",
        description="One line a run: its id, whether a coordinator lives, where its window stands or how it ended, and "
        "why. Reads the run's own records and changes nothing.",
    )
    parser.add_argument("run_id", nargs="?", help="one run (default: all)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(act=show)


def show(options: argparse.Namespace) -> int:
    if options.run_id:
        found = inspect_run(find_run(options.run_id))
        runs: tuple[RunRef, ...] = (found,) if found else ()
    else:
        runs = list_runs(runs_dir())
    rows = [_row(run) for run in runs]
    if options.json:
        print(json.dumps(rows, indent=2))
        return 0
    widest = max((len(row["run_id"]) for row in rows), default=0)
    for row in rows:
        where = row["ended"] or row["window"]
        print(f"{row['run_id']:<{widest}}  {row['standing']:<7}  {where:<19}  {row['reason']}".rstrip())
    if not rows:
        print(f"no runs in {runs_dir()}; `swarm run` starts one")
    return 0


def _row(run: RunRef) -> dict[str, str]:
    window, reason, ended = "planned", "", ""
    for line in RunSource(run.run_dir).read_all().lines:
        if isinstance(line.body, WindowChanged):
            window, reason = line.body.after.value, line.body.reason
        elif isinstance(line.body, Closed):
            ended = line.body.classification.value
    return {"run_id": run.run_id, "standing": run.standing.value, "window": window, "ended": ended, "reason": reason}
