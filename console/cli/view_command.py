"""`swarm view [PATH]`: the console at its viewer, on runs that were kept."""

import argparse
from pathlib import Path

from console.cli.console_command import make_app, require_terminal
from console.cli.errors import UsageError
from console.evidence.checks.layout import BUNDLE_FILE
from console.observation.runs import list_kept

DEEPEST = 4  # levels below the place that was named
MOST_FOLDERS = 5000  # of them are looked at: a home folder has more


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "view",
        help="look at retained runs, ours or the old system's",
        description="Opens the viewer. PATH is a bundle, its first document, or a folder with bundles below; without "
        "it, the runs of this machine and of the repository are listed. Nothing there is changed.",
    )
    parser.add_argument("path", nargs="?", type=Path, help="a bundle, or a folder with bundles below")
    parser.add_argument("--theme", help="swarm-dark, swarm-light, swarm-cb, or one of yours")
    parser.set_defaults(act=view)


def places_of_bundles(place: Path) -> tuple[Path, ...]:
    """The place itself, or the nearest folders below it in which bundles lie; links and hidden folders don't count."""
    level, looked = [place], 0
    for _ in range(DEEPEST + 1):
        if found := [folder for folder in level if list_kept(folder)]:
            return tuple(found)
        level = [path for folder in level for path in _folders(folder)]
        looked += len(level)
        if looked > MOST_FOLDERS:
            break
    return ()


def _folders(place: Path) -> list[Path]:
    try:
        found = sorted(place.iterdir())
    except OSError:  # a file, or not ours to read
        return []
    return [path for path in found if path.is_dir() and not path.is_symlink() and not path.name.startswith(".")]


def view(options: argparse.Namespace) -> int:
    given: tuple[Path, ...] = ()
    first = None
    if options.path is not None:
        given = places_of_bundles(options.path.resolve())
        found = [run for place in given for run in list_kept(place)]
        if not found:
            raise UsageError(
                f"view {options.path}: expected a bundle (a folder with {BUNDLE_FILE}) or a folder with bundles at "
                f"most {DEEPEST} levels below, got neither; `swarm view` without a path lists this machine's runs"
            )
        first = found[0].bundle if len(found) == 1 else None
    require_terminal()
    app = make_app("loopback", theme=options.theme, given=given, read_only=True, open_first=first, place="viewer")
    app.run()
    return app.return_code or 0
