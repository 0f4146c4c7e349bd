"""The validator's jobs: each one a pure use of files that the job names. `python -m runners <job>` calls these."""

import time
from functools import partial
from pathlib import Path

from runners.contract.jobs import (
    CutJob,
    CutPart,
    CutResult,
    CutSlice,
    ReplayJob,
    ReplayResult,
    ScoreJob,
    ScoreResult,
    ScoreSubject,
)
from runners.contract.receipts import HeldOutScore
from runners.training.adapter_file import initial_adapter, read_adapter, write_adapter, write_initial
from runners.training.backend import Backend, OnStep, ignore_stage, ignore_step
from runners.training.backends import load
from runners.training.contribution import check_head, prepare_contribution
from runners.training.head import Head, load_head
from runners.training.shards import Shard, gather, read_shard, write_shard
from runners.training.software import software


def cut(job: CutJob) -> CutResult:
    """Slices and the initial adapter in `out_dir`, made where it is missing. Raises ShardError, CheckpointError."""
    head = load_head(Path(job.model_dir))
    shards = tuple(partial(read_shard, Path(path), vocab_size=head.vocab_size) for path in job.shards)
    out_dir = Path(job.out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    pieces = gather(shards, [part.sample_indices for part in job.parts])
    slices = tuple(_write_part(part, piece, out_dir) for part, piece in zip(job.parts, pieces, strict=True))
    start = initial_adapter(job.seed, job.rank, head.hidden_size, head.vocab_size)
    return CutResult(slices=slices, initial_adapter=write_initial(out_dir / job.initial_name, start))


def _write_part(part: CutPart, piece: Shard, out_dir: Path) -> CutSlice:
    return CutSlice(file=write_shard(out_dir / part.name, piece), tokens=piece.tokens, samples=piece.samples)


def replay(job: ReplayJob, on_step: OnStep = ignore_step) -> ReplayResult:
    """Do the assignment again and write `out_dir/adapter_model.safetensors`. Raises InputMismatch."""
    recipe = job.assignment.recipe
    backend = load(job.backend, threads=recipe.threads, chunk_tokens=recipe.chunk_tokens)
    prepared = prepare_contribution(
        job.assignment,
        backend,
        model_dir=Path(job.model_dir),
        slice_path=Path(job.slice_path),
        initial_path=Path(job.initial_adapter_path),
        on_stage=ignore_stage,
    )
    started = time.perf_counter()
    trained = backend.train(prepared.job, on_step)
    seconds = time.perf_counter() - started
    out_dir = Path(job.out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    return ReplayResult(
        adapter=write_adapter(out_dir, trained.adapter, job.assignment.digest),
        device=backend.device(),
        software=software(backend),
        step_losses=trained.step_losses,
        seconds=seconds,
    )


def score(job: ScoreJob) -> ScoreResult:
    """Held-out loss of each subject, in the order of the job. Raises InputMismatch, AdapterFileError."""
    head = load_head(Path(job.model_dir))
    check_head(head, job.head_sha256)
    shard = read_shard(Path(job.held_out_path), vocab_size=head.vocab_size)
    backend = load(job.backend, threads=job.threads, chunk_tokens=job.chunk_tokens)
    scores = tuple(_score_one(backend, head, shard, subject) for subject in job.subjects)
    return ScoreResult(scores=scores, device=backend.device())


def _score_one(backend: Backend, head: Head, shard: Shard, subject: ScoreSubject) -> HeldOutScore:
    weights = None
    if subject.adapter_path is not None:
        path = Path(subject.adapter_path)
        stored = read_adapter(path, rank=subject.rank, hidden_size=head.hidden_size, vocab_size=head.vocab_size)
        weights = stored.weights
    loss = backend.held_out_loss(head, shard, weights, subject.alpha)
    return HeldOutScore(subject=subject.subject, mean_loss=loss, tokens=shard.tokens)
