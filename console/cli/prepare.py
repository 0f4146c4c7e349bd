"""`swarm prepare`: capture final hidden states from a checkpoint into shards."""

import argparse
import asyncio
import sys
from pathlib import Path

from console.cli.errors import UsageError
from console.cli.progress_bar import ProgressBar
from console.cli.termination import sigterm_as_ctrl_c
from console.coordination.errors import JobEnded
from console.coordination.job import run_job
from runners.contract.jobs import CaptureJob, CaptureResult

MANIFEST_FILE, LOG_FILE = "manifest.json", "log.txt"
UNFINISHED = ".capture.json"  # what a capture that was cut off leaves; it goes on from there
BEFORE_CAPTURE = frozenset((LOG_FILE, "lock"))


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "prepare",
        help="run a frozen decoder once per sample and keep its final hidden states",
        description="Reads a gpt-oss checkpoint as published (sharded safetensors, MXFP4 experts, chat template) or as "
        "transformers saves it, and writes shard files (hidden_states, target_ids, sample_offsets) with manifests. "
        "Interrupted or killed, the same command goes on where it was and ends with the same bytes.",
    )
    parser.add_argument("--model", type=Path, required=True, help="a gpt-oss checkpoint directory")
    parser.add_argument("--data", type=Path, required=True, help="JSONL of sample_id, prompt, response")
    parser.add_argument("--out", type=Path, required=True, help="folder for shards and manifest: new, or unfinished")
    parser.add_argument("--split", default="train", help="name of the split (default: train)")
    parser.add_argument("--dataset-ref", help="name of the dataset (default: file://<name of the data file>)")
    parser.add_argument(
        "--backend", choices=("torch", "mlx"), default="torch", help="whose library computes (default: torch)"
    )
    parser.add_argument(
        "--batch", type=int, default=16, help="samples per forward pass; part of the record (default: 16)"
    )
    parser.add_argument(
        "--shard-size", type=int, default=2048, metavar="MIB", help="largest shard file (default: 2048 MiB)"
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--by-layer",
        action="store_true",
        help="all samples through one layer at a time, activations on disk: one layer is the peak of memory; the same "
        "states, bit for bit (default: only where the whole decoder does not fit)",
    )
    way.add_argument(
        "--whole-model", action="store_true", help="refuse, with the figures, where the decoder does not fit"
    )
    parser.set_defaults(act=prepare)


def prepare(options: argparse.Namespace) -> int:
    for path, what in ((options.model, "a checkpoint directory"), (options.data, "a JSONL file")):
        if not path.exists():
            raise UsageError(f"{path}: expected {what}, got nothing there")
    if options.batch < 1 or options.shard_size < 1:
        raise UsageError("prepare: expected --batch and --shard-size of at least 1")
    goes_on = _goes_on(options.out)
    options.out.mkdir(parents=True, exist_ok=True)
    job = CaptureJob(
        model_dir=str(options.model.absolute()),
        jsonl=str(options.data.absolute()),
        out_dir=str(options.out.absolute()),
        split=options.split,
        dataset_ref=options.dataset_ref or f"file://{options.data.name}",
        batch_size=options.batch,
        backend=options.backend,
        way="by_layer" if options.by_layer else "whole_model" if options.whole_model else "auto",
        shard_bytes=options.shard_size << 20,
    )
    if goes_on:
        print(f"{options.out}: an unfinished capture, going on", file=sys.stderr)
    try:
        with sigterm_as_ctrl_c(), ProgressBar(sys.stderr) as bar:
            result = asyncio.run(run_job("capture", job, CaptureResult, bar.show, log=options.out / LOG_FILE))
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(f"the same command goes on from what lies in {options.out}") from error
    except (JobEnded, OSError):
        if (options.out / UNFINISHED).exists():
            print(f"what is done stays in {options.out}: the same command goes on from there", file=sys.stderr)
        raise
    for manifest in result.manifests:
        print(
            f"{manifest.file.name}  {manifest.tokens} tokens of {len(manifest.sample_ids)} samples  {manifest.digest}"
        )
    how = result.manifests[0].capture
    way = "found complete, captured" if result.way == "found" else f"captured {result.way.replace('_', ' ')}"
    print(f"{way} on {how.device_label} with {how.array_library}", file=sys.stderr)
    return 0


def _goes_on(out: Path) -> bool:
    """Raises UsageError for a folder that is neither new nor an unfinished capture."""
    if not out.exists():
        return False
    names = {path.name for path in out.iterdir()} if out.is_dir() else {out.name}
    names = {name for name in names if not (name.startswith(f".{UNFINISHED}.") and name.endswith(".tmp"))}  # a draft
    if UNFINISHED not in names and any(name == MANIFEST_FILE or name.startswith("shard-") for name in names):
        raise UsageError(f"{out}: expected a new folder, got a complete capture")
    if UNFINISHED not in names and names - BEFORE_CAPTURE:
        raise UsageError(f"{out}: expected a new folder or an unfinished capture, got {min(names)!r} in it")
    return UNFINISHED in names
