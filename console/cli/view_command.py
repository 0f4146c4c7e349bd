"""`swarm view [PATH]`: the console at its viewer, on runs that were kept."""

import argparse
from pathlib import Path

from console.cli.console_command import make_app, require_terminal
from console.cli.errors import UsageError
from console.observation.runs import list_kept


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "view",
        help="look at retained runs, ours or the old system's",
        description="Opens the viewer. PATH is a bundle, its first document, or a folder of bundles; without it, the "
        "runs of this machine and of the repository are listed. Nothing there is changed.",
    )
    parser.add_argument("path", nargs="?", type=Path, help="a bundle, or a folder of bundles")
    parser.add_argument("--theme", help="swarm-dark, swarm-light, swarm-cb, or one of yours")
    parser.set_defaults(act=view)


def view(options: argparse.Namespace) -> int:
    given: tuple[Path, ...] = ()
    first = None
    if options.path is not None:
        found = list_kept(options.path.resolve())
        if not found:
            raise UsageError(
                f"view {options.path}: expected a bundle (a folder with first_swarm_real_run_bundle.json) or a folder "
                "of bundles, got neither"
            )
        given = (options.path.resolve(),)
        first = found[0].bundle if len(found) == 1 else None
    require_terminal()
    app = make_app("loopback", theme=options.theme, given=given, read_only=True, open_first=first, place="viewer")
    app.run()
    return app.return_code or 0
