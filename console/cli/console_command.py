"""`swarm console`: the Textual app on top of the same engine."""

import argparse

from console.cli.acts import ConsoleActs
from console.cli.console_settings import read_settings, settings_folder
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
    parser.add_argument("--keys", action="store_true", help="list every key with the id to remap it by, and exit")
    parser.set_defaults(act=show)


def show(options: argparse.Namespace) -> int:
    from console.tui.bindings import all_bindings, keys_table

    if options.keys:
        print(keys_table())
        return 0
    from console.tui.app import SwarmApp

    folder = settings_folder()
    known = frozenset(binding.id for _, binding in all_bindings() if binding.id)
    settings = read_settings(folder / "console.toml", known)
    app = SwarmApp(
        runs_dir(),
        ConsoleActs(options.lane),
        run_id=options.run,
        read_only=options.read_only,
        theme=options.theme or settings.theme,
        theme_folders=(folder / "themes",),
        kept_folders=(data_dir("fixtures") / "swarm" / "runs",),
        warnings=settings.problems,
    )
    app.set_keymap(settings.keys)
    app.run()
    return app.return_code or 0
