"""`swarm bench console`: every goal of the console's design, measured in a real pseudo terminal."""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from console.cli.bench.console.colours import colours
from console.cli.bench.console.cost import a_million_receipts, share_of_a_core
from console.cli.bench.console.drilled import drills
from console.cli.bench.console.keys import key_to_paint
from console.cli.bench.console.large import filter_receipts, large_files
from console.cli.bench.console.place import BenchPlace
from console.cli.bench.console.stalls import stalls
from console.cli.bench.console.startup import first_paint, reattach
from console.cli.bench.console.storms import hostile_lines, storm_of_sizes
from console.cli.bench.console.stream import no_record_lost, record_to_screen
from console.cli.bench.console.terminal import NotShown
from console.cli.bench.figure import TABLE_HEAD, Figure
from console.cli.bench.machine import about
from console.cli.errors import UsageError
from console.cli.progress_bar import within_line

Measurement = Callable[[BenchPlace], Iterator[Figure]]
MEASUREMENTS: dict[str, tuple[Measurement, ...]] = {
    "p1": (first_paint,),
    "p2": (key_to_paint,),
    "p3": (no_record_lost,),
    "p4": (share_of_a_core,),
    "p5": (a_million_receipts,),
    "p6": (filter_receipts, large_files),
    "c1": (record_to_screen,),
    "c2": (stalls,),
    "c3": (drills,),
    "s1": (storm_of_sizes, hostile_lines),
    "s2": (reattach,),
    "a1": (colours,),
}
ONCE = frozenset({filter_receipts, drills, colours})  # the size makes no difference
SIZES = ((80, 24), (160, 48))


def add(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = kinds.add_parser(
        "console",
        help="the console's goals, in a real pseudo terminal",
        description="Measures the goals of the console's design with a console of its own on folders of its own; runs "
        "and settings of the operator are not touched. About fifteen minutes for both sizes, --quick about five. Exit "
        "1 when a goal is not reached.",
    )
    parser.add_argument("--only", metavar="GOALS", help=f"comma separated, of {','.join(MEASUREMENTS)}")
    parser.add_argument("--size", help="80x24 or another; both sizes of the design without it")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter measurements")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--markdown", action="store_true", help="the table of docs/performance.md")
    parser.set_defaults(act=bench, left="its consoles and runs are ended, and their folders are gone")


def bench(options: argparse.Namespace) -> int:
    chosen, sizes = _chosen(options.only), _sizes(options.size)
    said = {**about(), "textual": version("textual"), "quick": options.quick}
    print(f"{said['machine']}, Textual {said['textual']}, load {said['load']}, {said['when']}", file=sys.stderr)
    figures: list[Figure] = []
    todo = [(name, measure, size) for name in chosen for measure in MEASUREMENTS[name]
            for size in (sizes[:1] if measure in ONCE else sizes)]  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="swarm-bench-") as root:
        for done, (name, measure, size) in enumerate(todo):
            place = BenchPlace(_folder(root, measure), size, options.quick)
            _tell(f"{name} at {place.size_text}: {measure.__name__.replace('_', ' ')}, {done} of {len(todo)} done")
            for figure in _measured(measure, place, name):
                figures.append(figure)
                _tell()
                print(figure.line(), file=sys.stderr, flush=True)
    if options.json:
        print(json.dumps({**said, "figures": [one.to_json() for one in figures]}, indent=2))
    elif options.markdown:
        print("\n".join((TABLE_HEAD, *(one.row() for one in figures))))
    return 1 if any(one.reached is False for one in figures) else 0


def _tell(going: str = "") -> None:
    """What goes on, on a line that the next figure wipes away; elsewhere than on a terminal the figures are enough."""
    if sys.stderr.isatty():
        print(f"\r{within_line(going)}\x1b[K", end="", file=sys.stderr, flush=True)


def _measured(measure: Measurement, place: BenchPlace, name: str) -> Iterator[Figure]:
    """What can't be measured is a figure too, and not reached."""
    try:
        yield from measure(place)
    except NotShown as error:
        print(f"swarm: {name}: expected on the screen {error}", file=sys.stderr)
        yield Figure(name.upper(), f"{measure.__name__}: not measured", "", (1.0,), 0, "worst", place.size_text)


def _folder(root: str, measure: Measurement) -> Path:
    folder = Path(root, f"{measure.__name__}-{time.monotonic_ns()}")
    folder.mkdir()
    return folder


def _chosen(only: str | None) -> tuple[str, ...]:
    asked = tuple(one.strip().lower() for one in only.split(",")) if only else tuple(MEASUREMENTS)
    if unknown := [one for one in asked if one not in MEASUREMENTS]:
        raise UsageError(f"--only: expected some of {', '.join(MEASUREMENTS)}, got {', '.join(unknown)}")
    return asked


def _sizes(text: str | None) -> tuple[tuple[int, int], ...]:
    if text is None:
        return SIZES
    columns, _, rows = text.partition("x")
    if not (columns.isdigit() and rows.isdigit() and int(columns) >= 80 and int(rows) >= 24):
        raise UsageError(f"--size: expected columns x rows of at least 80x24, got {text}")
    return ((int(columns), int(rows)),)
