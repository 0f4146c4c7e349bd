"""`make faults`: the matrix, cell by cell, resumable. Every result is a line of the file, so a broken-off run goes on.

A cell is run again only where its last result isn't `kept`, or with --again. Exit 0: every chosen cell is kept.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.faults.matrix import CELLS, FAULTS, OVER_SSHD, Cell
from tests.faults.run_cell import Result, run_cell
from tests.live.rig import ROOT

RESULTS = ROOT / "docs" / "reliability" / "faults.jsonl"


def main() -> int:
    options = _options()
    cells = [cell for cell in CELLS if not options.only or any(word in cell.name for word in options.only)]
    if options.sshd:
        cells = [cell for cell in cells if cell.name in OVER_SSHD]
    server = "sshd" if options.sshd else "agent"
    if options.list:
        for cell in cells:
            print(f"{cell.name:36} {cell.expected:20} {cell.fault.what}: {cell.fault.promise}")
        print(f"{len(cells)} cells, {len(FAULTS)} faults", file=sys.stderr)
        return 0
    kept = (
        set()
        if options.again
        else {name for name, last in read_results(options.results, server).items() if last == "kept"}
    )
    todo = [cell for cell in cells if cell.name not in kept][: options.most]
    print(f"{len(cells)} cells, {len(cells) - len(todo)} left as they are, {len(todo)} to run", file=sys.stderr)
    verdicts = Counter(_run(todo, options.results, options.jobs, sshd=options.sshd))
    print(f"kept {verdicts['kept']}, broken {verdicts['broken']}, void {verdicts['void']}", file=sys.stderr)
    return 0 if set(verdicts) <= {"kept"} else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("only", nargs="*", help="words: cells whose name holds one of them (`kill_`, `:training`)")
    parser.add_argument("--list", action="store_true", help="tell the cells and what they promise; run none")
    parser.add_argument("--sshd", action="store_true", help="the smoke cells, against a system sshd on the other host")
    parser.add_argument("--again", action="store_true", help="also cells that were kept before")
    parser.add_argument("--jobs", type=int, default=2, help="cells at a time (default 2)")
    parser.add_argument("--most", type=int, default=None, help="no more cells than this")
    parser.add_argument("--results", type=Path, default=RESULTS, help=f"JSON lines (default {RESULTS.name})")
    return parser.parse_args()


def _run(cells: list[Cell], results: Path, jobs: int, *, sshd: bool) -> Iterator[str]:
    results.parent.mkdir(parents=True, exist_ok=True)
    with _folder() as folder, ThreadPoolExecutor(jobs) as pool:
        prepared = folder / "prepared"
        prepared.mkdir()
        results_in_order = pool.map(lambda cell: _one(cell, folder, prepared, sshd=sshd), cells)
        for done, result in enumerate(results_in_order, start=1):
            with results.open("a") as file:
                file.write(json.dumps({**result.to_json(), "machine": machine()}, sort_keys=True) + "\n")
            print(f"[{done}/{len(cells)}] {result.cell:36} {result.verdict:7} {result.seconds:6.1f} s", file=sys.stderr)
            for what in result.broken:
                print(f"    {what}", file=sys.stderr)
            yield result.verdict


def _one(cell: Cell, folder: Path, prepared: Path, *, sshd: bool) -> Result:
    with _folder(folder) as place:
        return run_cell(cell, place / "cell", prepared, sshd=sshd)


@contextmanager
def _folder(parent: Path | None = None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="swarm-faults-", dir=parent, ignore_cleanup_errors=True) as name:
        yield Path(name).resolve()


def read_results(path: Path, server: str) -> dict[str, str]:
    """The last verdict of every cell that was ever run against this server."""
    if not path.exists():
        return {}
    lines = [json.loads(line) for line in path.read_text().splitlines() if line]
    return {line["cell"]: line["verdict"] for line in lines if line.get("server", "agent") == server}


def machine() -> str:
    return f"{_cpu()}, {os.cpu_count()} cores, {platform.system()}"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
