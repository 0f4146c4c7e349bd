"""`swarm console`: the Textual app on top of the same engine."""

import argparse

from console.cli.acts import ConsoleActs
from console.places import data_dir, runs_dir


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "console",
        help="the operator console; bare `swarm` is the same",
        description="Shows the newest live run, or starts one with `g`. Leaving with `q` never ends a run.",
    )
    parser.add_argument("--lane", default="loopback", help="lane that `g` starts (default: loopback)")
    parser.add_argument("--run", metavar="ID", help="show this run")
    parser.add_argument("--read-only", action="store_true", help="grey out every key that changes something")
    parser.add_argument("--theme", help="swarm-dark, swarm-light, swarm-cb, or one of yours")
    parser.set_defaults(act=show)


def show(options: argparse.Namespace) -> int:
    from console.tui.app import SwarmApp

    app = SwarmApp(
        runs_dir(),
        ConsoleActs(options.lane),
        run_id=options.run,
        read_only=options.read_only,
        theme=options.theme,
        kept_folders=(data_dir("fixtures") / "swarm" / "runs",),
    )
    app.run()
    return app.return_code or 0
