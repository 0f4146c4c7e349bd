"""`make detection`: how soon faults are found, from the records' own clocks, over the lane's own policies; resumable.

In each run the link to the other host swallows everything again and again while its runner prepares, each time until
that is named. While both train, one runner is stopped and the other's link swallowed for good, in the same moment.
A line of the file is a finding. `--table` computes the figures and holds them against what is promised.
"""

import argparse
import json
import os
import random
import signal
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.__main__ import _folder, machine
from tests.faults.cable import Cable
from tests.faults.rig import CellFailed, FaultRun, eventually, fault_run, run_arguments
from tests.live.rig import LOCAL, REMOTE, ROOT

RESULTS = ROOT / "docs" / "reliability" / "detection.jsonl"
LINKS_PER_RUN = 8
ARRIVAL_S = 240.0
# what -> not before, not after, in ms since the last heartbeat received (link: since the link was cut)
PROMISED = {"stale": (5000, 5250), "lost": (7500, 7750), "link_down": (0, 4250)}
Found = dict[str, Any]


def measure(seed: int, folder: Path, prepared: Path) -> list[Found]:
    """All that is found in one run. One that can't be judged yields what was found before."""
    found: list[Found] = []
    chance = random.Random(seed)
    prepared.mkdir()
    try:
        with fault_run(folder, prepared, owned=True, prepare_ms="900000") as run:
            assert run.cable is not None
            run.tell("wall_offset_s", "0")
            for place in ("preparing", "training"):
                run.hold(place)
            options, secrets = run_arguments(run)
            run.watch(run.start(*options, **secrets))
            eventually("the runners to prepare", lambda: _launched(run), ARRIVAL_S)
            for _ in range(LINKS_PER_RUN):
                time.sleep(0.5 + 2 * chance.random())
                found.append(_cut(run, run.cable))
                run.cable.mend()
                eventually("the link to be up again", lambda: _link(run)["state"] == "up", 30)
            run.let_go("preparing")
            eventually("both to train", lambda: _beating(run), ARRIVAL_S)
            time.sleep(2 + 2 * chance.random())
            found += _silence_both(run, run.cable)
    except CellFailed as error:
        print(f"seed {seed}: {error}", file=sys.stderr)
    load = round(os.getloadavg()[0], 1)
    return [{**one, "seed": seed, "load": load, "machine": machine(), "at": time.strftime("%F")} for one in found]


def _launched(run: FaultRun) -> bool:
    return run.held("preparing") is not None and run.runner_pid(LOCAL) is not None and run.runner_pid() is not None


def _beating(run: FaultRun) -> bool:
    return run.held("training") is not None and run.has("window_changed", after="active")


def _link(run: FaultRun) -> dict[str, Any]:
    changes = [r for r in run.records() if r["kind"] == "link_changed" and r["body"]["node_id"] == REMOTE]
    return {**changes[-1]["body"], "mono_ms": changes[-1]["mono_ms"]}


def _cut(run: FaultRun, cable: Cable) -> Found:
    cut_ms = time.monotonic_ns() // 1_000_000
    cable.blackhole()
    eventually("the cut link to be named", lambda: _link(run)["state"] == "down", 15)
    return {"what": "link_down", "fault": "link_blackholed", "ms": _link(run)["mono_ms"] - cut_ms, "node_id": REMOTE}


def _silence_both(run: FaultRun, cable: Cable) -> Iterator[Found]:
    run.signal(run.runner_pid(LOCAL), signal.SIGSTOP)
    yield {**_cut(run, cable), "before_stale": not _changes(run, "stale")}
    eventually("both to be lost", lambda: len(_changes(run, "lost")) == 2 or run.has("closed"), 60)
    for after in ("stale", "lost"):
        for record in _changes(run, after):
            body = record["body"]
            fault = "sigstop" if body["node_id"] == LOCAL else "link_blackholed"
            yield {"what": after, "fault": fault, "ms": body["beat_age_ms"], "node_id": body["node_id"]}


def _changes(run: FaultRun, after: str) -> list[dict[str, Any]]:
    """By its bound, not by proof of death."""
    return [
        r for r in run.records()
        if r["kind"] == "runner_changed" and r["body"]["after"] == after and r["body"]["bound_ms"] is not None
    ]  # fmt: skip


@dataclass(frozen=True)
class Figures:
    count: int
    least: float
    median: float
    p95: float
    most: float

    @classmethod
    def of(cls, values: list[float]) -> "Figures":
        ordered = sorted(values)
        p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
        return cls(len(ordered), ordered[0], statistics.median(ordered), p95, ordered[-1])


def table(lines: list[Found]) -> tuple[str, bool]:
    """Markdown, and whether every promise was kept."""
    rows = [
        "| found | promised, ms | count | least | median | p95 | most | outside |",
        "|---|---|---|---|---|---|---|---|",
    ]
    kept = True
    for what, (least, most) in PROMISED.items():
        values = [line["ms"] for line in lines if line["what"] == what]
        if not values:
            continue
        outside = sum(not least <= value <= most for value in values)
        kept = kept and not outside
        f = Figures.of(values)
        rows.append(
            f"| {what} | {least} to {most} | {f.count} | {f.least} | {f.median:.0f} | {f.p95} | {f.most} | {outside} |"
        )
    late = [line for line in lines if line.get("before_stale") is False]
    rows.append(f"\nLink faults named only after somebody was called stale: {len(late)}.")
    return "\n".join(rows), kept and not late


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.detection", description=__doc__)
    parser.add_argument("--table", action="store_true", help="only compute the figures of the file")
    parser.add_argument("--faults", type=int, default=100, help="how many shall have been found in all (default 100)")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time (default 2)")
    parser.add_argument("--results", type=Path, default=RESULTS, help=f"JSON lines (default {RESULTS.name})")
    options = parser.parse_args()
    while not options.table and faults(read(options.results)) < options.faults:
        _some_runs(options.results, options.jobs)
    text, kept = table(read(options.results))
    print(text)
    return 0 if kept else 1


def faults(lines: list[Found]) -> int:
    """Cut links and stopped runners. One fault may have several findings."""
    return sum(line["what"] == "link_down" or (line["what"], line["fault"]) == ("stale", "sigstop") for line in lines)


def _some_runs(results: Path, jobs: int) -> None:
    first = max((line["seed"] for line in read(results)), default=-1) + 1
    with _folder() as folder, ThreadPoolExecutor(jobs) as pool:
        runs = [
            pool.submit(measure, seed, folder / str(seed), folder / f"prepared-{seed}")
            for seed in range(first, first + jobs)
        ]
        for found in (run.result() for run in runs):
            with results.open("a") as file:
                file.writelines(json.dumps(line, sort_keys=True) + "\n" for line in found)
            print(f"{len(found)} findings", file=sys.stderr)


def read(results: Path) -> list[Found]:
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


if __name__ == "__main__":
    sys.exit(main())
