"""`swarm bench lmhead`: one training step over a head of real size, against what a person would otherwise pick."""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from console.cli.bench.lmhead_table import ABOUT, OF_CPU, OF_CUDA, OF_MLX, figures, result_of, table
from console.cli.errors import UsageError
from console.cli.progress_bar import ProgressBar
from console.cli.termination import sigterm_as_ctrl_c
from console.cli.watch import last_word
from console.coordination.errors import JobFailed
from console.coordination.job import OnProgress, run_job
from runners.contract.errors import ContractError
from runners.contract.jobs import LmHeadBenchJob, LmHeadBenchResult, Progress
from runners.records.durable import write_durable

ABOUT_BENCH = (
    "Times whole steps of each contender in turns, one process per library, and prints medians of the ratios to the "
    "library's bare f32 product of the same round, with the least and the largest; then one process per contender for "
    "its memory. At the default sizes that takes minutes and up to 9 GB: --tokens 256 is enough to see the ratios. "
    "--only cuda is for a machine with a card, one of its contenders wants liger-kernel installed; --only mlx takes "
    "hours on Linux without an OpenBLAS."
)
SETS = {"cpu": OF_CPU, "cuda": OF_CUDA, "mlx": OF_MLX}
CONTENDERS: tuple[str, ...] = tuple(dict.fromkeys((*OF_CPU, *OF_CUDA, *OF_MLX)))


def add(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = kinds.add_parser(
        "lmhead",
        help="a training step over a head of real size: the bare product, PEFT, PEFT by chunks, mlx-lm, ours",
        description=ABOUT_BENCH + "\n\n" + "\n".join(f"  {name:<16} {about}" for name, about in ABOUT.items()),
    )
    parser.add_argument("--tokens", type=int, default=2048, metavar="N", help="tokens of a step (default: 2048)")
    parser.add_argument("--vocab", type=int, default=201088, metavar="V", help="rows of the head (default: 201088)")
    parser.add_argument("--hidden", type=int, default=2880, metavar="D", help="columns of the head (default: 2880)")
    parser.add_argument("--rank", type=int, default=16, help="of the adapter (default: 16)")
    parser.add_argument("--chunk", type=int, default=128, help="our tokens per chunk (default: 128)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="default: all processors")
    parser.add_argument("--rounds", type=int, default=5, help="times of each (default: 5)")
    parser.add_argument(
        "--only", default="cpu", metavar="A,B", help=f"cpu (default), cuda, mlx, or some of {', '.join(CONTENDERS)}"
    )
    parser.add_argument("--no-memory", action="store_true", help="leave out the processes that measure memory")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="also keep one JSON document there, after each process; the same command goes on from it",
    )
    parser.set_defaults(act=bench_lmhead, left="what was measured stays in the file of --json, if one was named")


def bench_lmhead(options: argparse.Namespace) -> int:
    only = SETS.get(options.only) or tuple(options.only.split(","))
    sizes = (
        options.tokens,
        options.vocab,
        options.hidden,
        options.rank,
        options.chunk,
        options.threads,
        options.rounds,
    )
    if unknown := sorted(set(only) - set(CONTENDERS)):
        known = ", ".join(CONTENDERS)
        raise UsageError(f"bench lmhead: --only: expected cpu, cuda, mlx or some of {known}, got {', '.join(unknown)}")
    if min(sizes) < 1:
        raise UsageError(f"bench lmhead: expected every size to be at least 1, got {min(sizes)}")
    try:
        with sigterm_as_ctrl_c():
            said = _measure(options, only)
    except JobFailed as error:
        print(f"bench lmhead: {error}", file=sys.stderr)
        _say_what_is_kept(options)
        return 1
    except (KeyboardInterrupt, OSError):
        _say_what_is_kept(options)
        raise
    print(table(said))
    return 0


def _say_what_is_kept(options: argparse.Namespace) -> None:
    """After an end in between."""
    if options.json is None:
        print("stopped; without --json FILE nothing is kept", file=sys.stderr)
    elif options.json.exists():
        print(f"stopped; the same command goes on from what {options.json} holds", file=sys.stderr)
    else:
        print("stopped before anything was measured", file=sys.stderr)


def _measure(options: argparse.Namespace, only: tuple[str, ...]) -> dict[str, Any]:
    """Each process's result is kept as it ends; those that the document has already are not measured again."""
    said = _begun(options)
    kept: dict[str, Any] = said["processes"]
    waiting = {name: how for name, how in _processes(options, only).items() if name not in kept}
    total = sum(len(contenders) * (rounds + 1) for contenders, rounds in waiting.values())
    done = 0
    with ProgressBar(sys.stderr) as bar:
        for name, (contenders, rounds) in waiting.items():
            kept[name] = _row(options, contenders, rounds, partial(_show, bar, name, done, total))
            done += len(contenders) * (rounds + 1)
            if options.json is not None:
                said["figures"] = figures(said)
                write_durable(options.json, (json.dumps(said, indent=2) + "\n").encode())
        if waiting:
            bar.show(Progress(stage="steps", done=total, total=total))
    return said


def _show(bar: ProgressBar, name: str, before: int, total: int, progress: Progress) -> None:
    """One process's own steps as a part of all."""
    if progress.stage == "bench":
        detail = name if name.startswith("memory") else progress.detail
        bar.show(Progress(stage="steps", done=before + progress.done, total=total, detail=detail))
    else:
        bar.show(Progress(stage="steps", done=before, total=total, detail="making a head"))


def _row(options: argparse.Namespace, contenders: tuple[str, ...], rounds: int, show: OnProgress) -> dict[str, Any]:
    started, load = time.time(), os.getloadavg()[0]
    result = _run(options, contenders, rounds, show)
    return {
        "contenders": list(contenders), "at": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(started)),
        "took_seconds": time.time() - started, "load_before": load, "load_after": os.getloadavg()[0],
        "result": result.to_json(),
    }  # fmt: skip


def _processes(options: argparse.Namespace, only: tuple[str, ...]) -> dict[str, tuple[tuple[str, ...], int]]:
    """By name: contenders, and rounds after the one to warm up."""
    found: dict[str, tuple[tuple[str, ...], int]] = {}
    for of_mlx in (False, True):
        if names := tuple(name for name in CONTENDERS if name in only and (name in OF_MLX) == of_mlx):
            found["times " + ",".join(names)] = (names, options.rounds)
    if not options.no_memory:
        found.update({f"memory {name}": ((name,), 0) for name in only})
    return found


def _begun(options: argparse.Namespace) -> dict[str, Any]:
    """An empty document, or the one that was kept. Raises UsageError for one of other sizes or another machine."""
    sizes = {
        name: getattr(options, name) for name in ("tokens", "vocab", "hidden", "rank", "chunk", "threads", "rounds")
    }
    machine = f"{platform.system()} {platform.machine()} {os.cpu_count()} processors"
    fresh: dict[str, Any] = {"sizes": sizes, "machine": machine, "processes": {}}
    if options.json is None:
        return fresh
    if not options.json.absolute().parent.is_dir():
        raise UsageError(f"bench lmhead: {options.json}: expected a folder for it, got none")
    if not options.json.exists():
        return fresh
    try:
        kept = json.loads(options.json.read_bytes())
        for row in kept["processes"].values():
            result_of(row)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ContractError) as error:
        raise UsageError(f"bench lmhead: {options.json}: expected a document of this command, got {error}") from error
    if (kept.get("sizes"), kept.get("machine")) != (sizes, machine):
        raise UsageError(f"bench lmhead: {options.json} is of other sizes or another machine; give another file")
    return dict(kept)


def _run(options: argparse.Namespace, contenders: tuple[str, ...], rounds: int, show: OnProgress) -> LmHeadBenchResult:
    """Raises JobFailed with the last word of what failed: its log goes with its folder."""
    job = LmHeadBenchJob(
        tokens=options.tokens, vocab_size=options.vocab, hidden_size=options.hidden, rank=options.rank,
        threads=options.threads, chunk_tokens=options.chunk, rounds=rounds,
        contenders=contenders,  # type: ignore[arg-type]  # checked above
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="swarm-bench-") as folder:
        log = Path(folder, "log.txt")
        try:
            return asyncio.run(run_job("bench_lmhead", job, LmHeadBenchResult, show, log=log))
        except JobFailed as error:
            word = last_word(log)
            known = word.partition(": ")[2] in str(error)  # a refusal says it itself
            raise JobFailed(str(error) if known else f"{error}; its last word: {word}") from error
