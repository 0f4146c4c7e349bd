"""`swarm bench merge`: what merging 2 to 8 contributions costs at the size of a real head."""

import argparse
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from console.cli.errors import UsageError
from console.cli.progress_bar import ProgressBar
from runners.contract.jobs import Progress
from runners.records.durable import write_durable

EXACT_GOAL_MS, RECOMPRESSED_GOAL_MS = 60, 500
REAL = {"vocab_size": 201088, "hidden_size": 2880, "rank": 16}  # what the goals were set for
OnTime = Callable[[str], None]  # what is measured next


def add(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = kinds.add_parser(
        "merge",
        help="exact and recompressed merges of 2 to 8 contributions at the size of a real head",
        description="Merges random contributions of the given geometry. `exact` is the rank stacking that a run does, "
        "`proved` adds the float64 measurement of its residual, `recompressed` brings the stacked merge back to the "
        "contributors' rank. The delta itself (V x d) is never formed.",
    )
    parser.add_argument("--vocab", type=int, default=201088, metavar="V", help="rows of the head (default: 201088)")
    parser.add_argument("--hidden", type=int, default=2880, metavar="D", help="columns of the head (default: 2880)")
    parser.add_argument("--rank", type=int, default=16, help="rank of each contribution (default: 16)")
    parser.add_argument("--contributors", default="2,3,4,6,8", metavar="N,N", help="how many (default: 2,3,4,6,8)")
    parser.add_argument("--times", type=int, default=7, help="measurements of each, median shown (default: 7)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the JSON document there")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(left="nothing is kept of it", act=bench_merge)


def bench_merge(options: argparse.Namespace) -> int:
    counts = _counts(options.contributors)
    if min(options.vocab, options.hidden, options.rank, options.times) < 1:
        raise UsageError("bench merge: expected sizes, rank and times of at least 1")
    if options.vocab < 2 * max(counts) * options.rank:
        raise UsageError(f"--vocab {options.vocab}: expected more rows than twice the stacked rank")
    if options.out is not None and not options.out.absolute().parent.is_dir():
        raise UsageError(f"--out {options.out}: expected a folder for it, got none")
    done = 0
    with ProgressBar(sys.stderr) as bar:

        def on_time(what: str) -> None:
            nonlocal done
            bar.show(Progress(stage="merges", done=done, total=len(counts) * 3 * options.times, detail=what))
            done += 1

        rows = [_measured(count, options, on_time) for count in counts]
        on_time("")
    said = {
        "vocab_size": options.vocab,
        "hidden_size": options.hidden,
        "rank": options.rank,
        "times": options.times,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "never_formed_bytes": 4 * options.vocab * options.hidden,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "merges": rows,
    }
    text = json.dumps(said, indent=2)
    if options.out is not None:
        write_durable(options.out, text.encode() + b"\n")
    print(text if options.json else _table(said))
    return 0


def _counts(text: str) -> tuple[int, ...]:
    try:
        counts = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"--contributors: expected numbers with commas, got {text!r}") from error
    if not all(2 <= count <= 8 for count in counts):
        raise UsageError(f"--contributors: expected 2 to 8, got {text}")
    return counts


def _measured(count: int, options: argparse.Namespace, on_time: OnTime) -> dict[str, Any]:
    import numpy as np

    from console.aggregation.merge import WeightedAdapter, merge, stack
    from console.aggregation.recompress import recompress
    from console.validation.adapter import Adapter

    random = np.random.default_rng(count)

    def made() -> Adapter:
        a = random.standard_normal((options.rank, options.hidden), dtype=np.float32)
        b = random.standard_normal((options.vocab, options.rank), dtype=np.float32)
        return Adapter(a, b, alpha=2.0 * options.rank, metadata={})

    def times(what: str, act: Callable[[], object]) -> list[float]:
        return _times(act, options.times, lambda: on_time(f"{count} contributors, {what}"))

    parts = [WeightedAdapter(made(), Fraction(1, count)) for _ in range(count)]
    merged = merge(parts)
    smaller = recompress(merged.merged, options.rank)
    return {
        "contributors": count,
        "merged_rank": merged.merged.rank,
        "merged_bytes": merged.merged.a.nbytes + merged.merged.b.nbytes,
        "exact_ms": times("exact", lambda: stack(parts)),
        "proved_ms": times("proved", lambda: merge(parts)),
        "recompressed_ms": times("recompressed", lambda: recompress(merged.merged, options.rank)),
        "residual": merged.residual,
        "discarded_energy": smaller.discarded_part,
    }


def _times(act: Callable[[], object], times: int, before: Callable[[], None]) -> list[float]:
    taken = []
    for _ in range(times):
        before()
        began = time.perf_counter()
        act()
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def _table(said: dict[str, Any]) -> str:
    size = f"V {said['vocab_size']}, d {said['hidden_size']}, rank {said['rank']}"
    peak, delta = (said[name] / 2**20 for name in ("peak_bytes", "never_formed_bytes"))
    lines = [
        f"{size}; medians of {said['times']}; load {said['load']:.1f} of {said['cores']} cores",
        f"peak of this process {peak:.0f} MiB; the delta it never formed has {delta:.0f} MiB",
        "contributors  rank     exact    proved  recompressed  residual  discarded",
    ]
    for row in said["merges"]:
        exact, proved, smaller = (statistics.median(row[f"{k}_ms"]) for k in ("exact", "proved", "recompressed"))
        lines.append(
            f"{row['contributors']:>12} {row['merged_rank']:>5} {exact:>6.1f} ms {proved:>6.1f} ms {smaller:>10.1f} ms "
            f"{row['residual']:>9.1e} {row['discarded_energy']:>9.1%}"
        )
    if all(said[name] == size for name, size in REAL.items()):
        lines.append(_goal("exact", EXACT_GOAL_MS, said) + "; " + _goal("recompressed", RECOMPRESSED_GOAL_MS, said))
    else:
        real = ", ".join(f"{name} {size}" for name, size in REAL.items())
        lines.append(f"goals are judged at {real} alone")
    return "\n".join(lines)


def _goal(what: str, goal_ms: int, said: dict[str, Any]) -> str:
    worst = max(statistics.median(row[f"{what}_ms"]) for row in said["merges"])
    return f"{what} within {goal_ms} ms: {'yes' if worst <= goal_ms else f'NO, {worst:.0f} ms'}"
