"""Hidden states captured once per model and data, then cut into this run's slices."""

import asyncio
import shutil
from functools import partial
from pathlib import Path

from console.coordination.desk import Desk
from console.coordination.errors import JobFailed
from console.coordination.file_digest import file_sha256
from console.coordination.job import run_job
from console.coordination.planning import HELD_OUT_FILE, INITIAL_FILE, Inputs, parts
from runners.contract import coordinator_records as rec
from runners.contract.canonical import canonical_bytes, sha256_hex
from runners.contract.errors import ContractError
from runners.contract.jobs import CaptureJob, CaptureResult, CutJob, CutResult, Progress
from runners.contract.plan import FileRef
from runners.contract.shard_manifest import ShardManifest
from runners.records.durable import read_regular, write_durable

SHARD_FILE = "shard.safetensors"
MANIFEST_FILE = "manifest.json"
MAX_SHARD_BYTES = 4 * 1024**3


async def prepare_inputs(desk: Desk) -> None:
    """Capture both splits, or reuse them; then slices, initial adapter and held-out shard for this run."""
    data = desk.contract.data
    train, train_reused = await _captured(desk, data.train_split)
    held_out, held_out_reused = await _captured(desk, data.held_out_split)
    inputs = await _cut(desk, train, held_out)
    desk.inputs = inputs
    desk.note(
        rec.InputsPrepared(
            reused=train_reused and held_out_reused,
            head_sha256=inputs.train.head.sha256,
            train_samples=len(inputs.train.sample_ids),
            train_tokens=inputs.train.tokens,
            held_out_samples=len(inputs.held_out.sample_ids),
            held_out_tokens=inputs.held_out.tokens,
        )
    )


async def restore_inputs(desk: Desk) -> Inputs:
    """After a restart: the same bytes again from the prepared folder. Cutting is deterministic."""
    if desk.inputs is None:
        train, _ = await _captured(desk, desk.contract.data.train_split)
        held_out, _ = await _captured(desk, desk.contract.data.held_out_split)
        desk.inputs = await _cut(desk, train, held_out)
    return desk.inputs


async def _captured(desk: Desk, split: str) -> tuple[Path, bool]:
    jsonl = Path(desk.spec.dataset_dir) / f"{split}.jsonl"
    # In a thread: a checkpoint of many gigabytes must not keep the clocks of the run from being looked at.
    key = await asyncio.to_thread(capture_key, Path(desk.spec.model_dir), jsonl, desk.spec.capture_batch)
    folder = Path(desk.spec.prepared_dir) / key
    if _is_whole(folder):
        return folder, True
    if (folder / MANIFEST_FILE).exists():  # complete once, and changed since
        shutil.rmtree(folder)
    # Cut off, it stays as it is, and the next run that needs the same goes on there.
    job = CaptureJob(
        model_dir=desk.spec.model_dir,
        jsonl=str(jsonl),
        out_dir=str(folder),
        split=split,
        dataset_ref=desk.contract.data.dataset_ref,
        batch_size=desk.spec.capture_batch,
        backend="torch",
        shard_bytes=MAX_SHARD_BYTES,  # a plan names one shard per split
    )
    await run_job("capture", job, CaptureResult, partial(_progress, desk, "capture", split), log=desk.paths.log)
    return folder, False


def capture_key(model_dir: Path, jsonl: Path, batch_size: int) -> str:
    """Names a capture by what goes into it: every file of the checkpoint, the data, and the batch size. Not hidden
    files: a look at the folder in macOS' Finder leaves one, and a capture can take hours."""
    shown = (path for path in sorted(model_dir.iterdir()) if path.is_file() and not path.name.startswith("."))
    files = {path.name: file_sha256(path) for path in shown}
    said = {"model": files, "data": file_sha256(jsonl), "batch_size": batch_size}
    return sha256_hex(canonical_bytes(said))[:32]


def _is_whole(folder: Path) -> bool:
    """A reused capture must still be the bytes that its manifest names."""
    try:
        manifest = ShardManifest.read((folder / MANIFEST_FILE).read_bytes())
        return file_sha256(folder / SHARD_FILE) == manifest.file.sha256
    except (OSError, ContractError):
        return False


async def _cut(desk: Desk, train: Path, held_out: Path) -> Inputs:
    manifest = ShardManifest.read((train / MANIFEST_FILE).read_bytes())
    held_out_manifest = ShardManifest.read((held_out / MANIFEST_FILE).read_bytes())
    if manifest.head != held_out_manifest.head:
        raise JobFailed("cut: expected one head for both splits, got two; remove the prepared folder and start again")
    job = CutJob(
        shards=(str(train / SHARD_FILE),),
        model_dir=desk.spec.model_dir,
        parts=parts(desk.contract, len(manifest.sample_ids)),
        initial_name=INITIAL_FILE,
        seed=desk.contract.recipe.seed,
        rank=desk.contract.adapter.rank,
        out_dir=str(desk.paths.artifacts),
    )
    cut = await run_job("cut", job, CutResult, partial(_progress, desk, "cut", "slices"), log=desk.paths.log)
    raw = read_regular(held_out / SHARD_FILE, limit=MAX_SHARD_BYTES)
    write_durable(desk.paths.artifacts / HELD_OUT_FILE, raw)
    write_durable(desk.paths.documents / "train_manifest.json", manifest.to_bytes())
    write_durable(desk.paths.documents / "held_out_manifest.json", held_out_manifest.to_bytes())
    ref = FileRef(name=HELD_OUT_FILE, size_bytes=len(raw), sha256=sha256_hex(raw))
    return Inputs(manifest, held_out_manifest, ref, cut)


def _progress(desk: Desk, activity: str, what: str, progress: Progress) -> None:
    desk.working(activity, None, progress.done, progress.total, f"{what} {progress.stage}")
