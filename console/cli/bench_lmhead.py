"""`swarm bench lmhead`: one training step over a head of real size, against what a person would otherwise pick."""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from console.cli.errors import UsageError
from console.coordination.errors import JobFailed
from console.coordination.job import run_job
from runners.contract.jobs import LmHeadBenchJob, LmHeadBenchResult, Progress

OF_TORCH = ("bare_f32", "peft", "peft_chunked", "ours_torch")  # the first of each is what the others are measured by
OF_MLX = ("bare_mlx", "mlx_lm", "ours_mlx")
CONTENDERS: tuple[str, ...] = (*OF_TORCH, *OF_MLX)


def add(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = kinds.add_parser(
        "lmhead",
        help="a training step over a head of real size: the bare product, PEFT, PEFT by chunks, mlx-lm, ours",
        description="Times whole steps of each contender in turns, one process per library, and prints medians of the "
        "ratios to the library's bare f32 product of the same round; then one process per contender for its memory. "
        "At the default sizes that takes minutes and up to 9 GB: --tokens 256 is enough to see the ratios. MLX's "
        f"contenders are asked for by --only {','.join(OF_MLX)}: on Linux without an OpenBLAS they take hours.",
    )
    parser.add_argument("--tokens", type=int, default=2048, metavar="N", help="tokens of a step (default: 2048)")
    parser.add_argument("--vocab", type=int, default=201088, metavar="V", help="rows of the head (default: 201088)")
    parser.add_argument("--hidden", type=int, default=2880, metavar="D", help="columns of the head (default: 2880)")
    parser.add_argument("--rank", type=int, default=16, help="of the adapter (default: 16)")
    parser.add_argument("--chunk", type=int, default=128, help="our tokens per chunk (default: 128)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="default: all processors")
    parser.add_argument("--rounds", type=int, default=5, help="times of each (default: 5)")
    parser.add_argument("--only", default=",".join(OF_TORCH), metavar="A,B", help=f"of {', '.join(CONTENDERS)}")
    parser.add_argument("--no-memory", action="store_true", help="leave out the processes that measure memory")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write one JSON document there")
    parser.set_defaults(act=bench_lmhead)


def bench_lmhead(options: argparse.Namespace) -> int:
    only = tuple(options.only.split(","))
    sizes = (
        options.tokens,
        options.vocab,
        options.hidden,
        options.rank,
        options.chunk,
        options.threads,
        options.rounds,
    )
    if min(sizes) < 1 or not set(only) <= set(CONTENDERS):
        raise UsageError(f"bench lmhead: expected sizes of at least 1 and --only of {', '.join(CONTENDERS)}")
    try:
        libraries = [tuple(name for name in only if name in of) for of in (OF_TORCH, OF_MLX)]
        results = [_run(options, names, options.rounds) for names in libraries if names]
        peaks = {} if options.no_memory else {name: _run(options, (name,), 0).peak_bytes for name in only}
    except JobFailed as error:
        print(f"bench lmhead: {error}", file=sys.stderr)
        return 1
    said = _document(options, results, peaks)
    if options.json is not None:
        options.json.write_text(json.dumps(said, indent=2) + "\n")
    print(_table(said))
    return 0


def _run(options: argparse.Namespace, contenders: tuple[str, ...], rounds: int) -> LmHeadBenchResult:
    job = LmHeadBenchJob(
        tokens=options.tokens, vocab_size=options.vocab, hidden_size=options.hidden, rank=options.rank,
        threads=options.threads, chunk_tokens=options.chunk, rounds=rounds,
        contenders=contenders,  # type: ignore[arg-type]  # checked above
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="swarm-bench-") as folder:
        return asyncio.run(run_job("bench_lmhead", job, LmHeadBenchResult, _show, log=Path(folder, "log.txt")))


def _show(progress: Progress) -> None:
    sys.stderr.write(f"\r\x1b[K{progress.stage} {progress.done}/{progress.total} {progress.detail}")
    sys.stderr.flush()


def _document(options: argparse.Namespace, results: list[LmHeadBenchResult], peaks: dict[str, int]) -> dict[str, Any]:
    sys.stderr.write("\r\x1b[K")
    return {
        "tokens": options.tokens, "vocab_size": options.vocab, "hidden_size": options.hidden, "rank": options.rank,
        "chunk_tokens": options.chunk, "rounds": options.rounds, "load": os.getloadavg()[0],
        "libraries": [
            {"device": result.device.to_json(), "library": result.library, "contenders": _rows(result, peaks)}
            for result in results
        ],
    }  # fmt: skip


def _rows(result: LmHeadBenchResult, peaks: dict[str, int]) -> list[dict[str, Any]]:
    times = {each.contender: each.seconds for each in result.times}
    bare = next((times[name] for name in (OF_TORCH[0], OF_MLX[0]) if name in times), None)
    return [
        {
            "contender": name,
            "seconds": list(seconds),
            "median_seconds": statistics.median(seconds),
            "median_ratio_to_bare": None
            if bare is None
            else statistics.median(one / other for one, other in zip(seconds, bare, strict=True)),
            "peak_bytes_above_head": peaks.get(name),
        }
        for name, seconds in times.items()
    ]


def _table(said: dict[str, Any]) -> str:
    sizes = f"{said['tokens']} tokens, {said['vocab_size']} x {said['hidden_size']}, rank {said['rank']}"
    lines = [f"{sizes}, load {said['load']:.1f}"]
    for library in said["libraries"]:
        device = library["device"]
        where = f"{device['name']}, {device['threads']} threads, {library['library']}, {device['blas']}"
        lines += ["", where, f"{'':<14}{'seconds':>9}{'x bare':>8}{'MB above head':>15}"]
        lines += [_line(row) for row in library["contenders"]]
    return "\n".join(lines)


def _line(row: dict[str, Any]) -> str:
    ratio = "" if row["median_ratio_to_bare"] is None else f"{row['median_ratio_to_bare']:.2f}"
    peak = "" if row["peak_bytes_above_head"] is None else f"{row['peak_bytes_above_head'] / 1e6:.0f}"
    return f"{row['contender']:<14}{row['median_seconds']:>9.2f}{ratio:>8}{peak:>15}"
