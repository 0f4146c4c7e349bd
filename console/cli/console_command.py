"""`swarm console`: the Textual app on top of the same engine."""

import argparse
import gc
import sys
from typing import TYPE_CHECKING, Any

from console.cli.acts import ConsoleActs
from console.cli.console_settings import read_settings, session_file, settings_folder
from console.cli.errors import MissingTool
from console.places import data_dir, runs_dir

if TYPE_CHECKING:
    from console.tui.app import SwarmApp


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "console",
        help="the operator console; bare `swarm` is the same",
        description="Shows the newest live run, or starts one with `g`. Leaving with `q` never ends a run. "
        f"Settings: console.toml in {settings_folder()}, your own themes in themes/*.toml beside it.\n\n"
        '  theme = "swarm-cb"\n  [keys]                 # by the ids that --keys lists\n  "app.stop" = "S"',
    )
    parser.add_argument("--lane", help="lane that g starts (default: as the console was left, at first loopback)")
    parser.add_argument("--run", metavar="ID", help="show this run")
    parser.add_argument("--read-only", action="store_true", help="grey out every key that changes something")
    parser.add_argument("--theme", help="swarm-dark, swarm-light, swarm-cb, or one of yours")
    parser.add_argument("--keys", action="store_true", help="list every key with the id to remap it by, and exit")
    parser.set_defaults(act=show)


def show(options: argparse.Namespace) -> int:
    if options.keys:
        from console.tui.bindings import keys_table

        print(keys_table())
        return 0
    require_terminal()
    app = make_app(options.lane, theme=options.theme, run_id=options.run, read_only=options.read_only)
    app.run()
    return app.return_code or 0


def make_app(lane: str | None, *, theme: str | None, **options: Any) -> "SwarmApp":
    """The app with the operator's own settings."""
    gc.disable()  # importing makes a hundred thousand objects and no garbage
    from console.tui.app import SwarmApp
    from console.tui.bindings import all_bindings, remapped
    from console.tui.session import read_session

    folder = settings_folder()
    known = frozenset(binding.id for _, binding in all_bindings() if binding.id)
    settings = read_settings(folder / "console.toml", known)
    keys, taken = remapped(settings.keys)
    session = read_session(session_file())
    same_lane = lane is None or lane == session.lane
    app = SwarmApp(
        runs_dir(),
        ConsoleActs(lane or session.lane or "loopback", settings.endpoints, session.way if same_lane else ""),
        theme=theme or settings.theme,
        theme_folders=(folder / "themes",),
        kept_folders=(data_dir("fixtures") / "swarm" / "runs",),
        warnings=(*settings.problems, *(f"settings console.toml: {line}" for line in taken)),
        session_file=session_file(),
        **options,
    )
    if theme in app.themes:
        app.theme = theme  # asked for by name, so also on a terminal of 16 colours
    app.set_keymap(keys)
    _collect_seldom()
    # A journal is verified in a thread: whoever waits for its turn after a key gets it within 1 ms, not within 5.
    sys.setswitchinterval(0.001)
    return app


def _collect_seldom() -> None:
    """Receipts are many, small, frozen and in no cycle: looking through all of them for cycles again and again would
    stop the screen for half a second at 10 000 a second. What exists now lives as long as the process. Layouts do leave
    cycles, so the young are looked through often: 100 000 of them at once took 65 ms in a storm of sizes."""
    gc.enable()
    gc.freeze()
    gc.set_threshold(10_000, 500, 1000)


def require_terminal() -> None:
    """Keys come from standard input; Textual draws on standard error. Raises MissingTool."""
    for name, stream in (("input", sys.stdin), ("error", sys.stderr)):
        if stream is None or not stream.isatty():
            raise MissingTool(
                f"console: expected a terminal on standard {name}, got none; "
                "`swarm run` and `swarm status` need no terminal"
            )
