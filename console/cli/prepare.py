"""`swarm prepare`: capture final hidden states from a checkpoint into shards."""

import argparse
import asyncio
import sys
from pathlib import Path

from console.cli.errors import UsageError
from console.coordination.job import run_job
from runners.contract.jobs import CaptureJob, Progress
from runners.contract.shard_manifest import ShardManifest


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "prepare",
        help="run a frozen decoder once per sample and keep its final hidden states",
        description="Writes shard.safetensors (hidden_states, target_ids, sample_offsets) and manifest.json.",
    )
    parser.add_argument("--model", type=Path, required=True, help="a gpt-oss checkpoint directory")
    parser.add_argument("--data", type=Path, required=True, help="JSONL of sample_id, prompt, response")
    parser.add_argument("--out", type=Path, required=True, help="new folder for shard and manifest")
    parser.add_argument("--split", default="train", help="name of the split (default: train)")
    parser.add_argument("--dataset-ref", help="name of the dataset (default: file://<name of the data file>)")
    parser.add_argument("--backend", choices=("torch", "mlx"), default="torch")
    parser.add_argument("--batch", type=int, default=16, help="samples per forward pass; part of the record")
    parser.set_defaults(act=prepare)


def prepare(options: argparse.Namespace) -> int:
    for path, what in ((options.model, "a checkpoint directory"), (options.data, "a JSONL file")):
        if not path.exists():
            raise UsageError(f"{path}: expected {what}, got nothing there")
    if options.out.exists():
        raise UsageError(f"{options.out}: expected a new folder, got one that exists")
    options.out.mkdir(parents=True)
    job = CaptureJob(
        model_dir=str(options.model.absolute()),
        jsonl=str(options.data.absolute()),
        out_dir=str(options.out.absolute()),
        split=options.split,
        dataset_ref=options.dataset_ref or f"file://{options.data.name}",
        batch_size=options.batch,
        backend=options.backend,
    )
    manifest = asyncio.run(run_job("capture", job, ShardManifest, _bar, log=options.out / "log.txt"))
    print(file=sys.stderr)
    print(f"{manifest.file.name}  {manifest.tokens} tokens of {len(manifest.sample_ids)} samples  {manifest.digest}")
    return 0


def _bar(progress: Progress) -> None:
    width = 30
    filled = width * progress.done // max(progress.total, 1)
    bar = "#" * filled + "." * (width - filled)
    sys.stderr.write(f"\r{progress.stage:<10} [{bar}] {progress.done}/{progress.total}")
    sys.stderr.flush()
