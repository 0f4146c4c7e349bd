"""The validator's jobs: each one a pure use of files that the job names. `python -m runners <job>` calls these."""

import dataclasses
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from runners.contract.canonical import MAX_INTEGER
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
    SegmentResult,
    SegmentStart,
)
from runners.contract.plan import checkpoints_after
from runners.contract.receipts import HeldOutScore
from runners.training.adapter_file import initial_adapter, read_adapter, write_adapter, write_initial
from runners.training.backend import Backend, OnStep, ignore_stage, ignore_step
from runners.training.backends import load
from runners.training.checkpoint import TensorSpan
from runners.training.contribution import PreparedContribution, check_head, prepare_contribution
from runners.training.errors import Diverged, InputMismatch
from runners.training.head import Head, find_head, load_head
from runners.training.memory import Workload, item_of, workload_of
from runners.training.shards import Shard, gather, read_shard, write_shard
from runners.training.software import execution, software
from runners.training.state_file import read_state, write_state

ChooseChunk = Callable[[Workload, Backend], int]  # tokens, at most the backend's own; raises where there is no room


def as_asked(_work: Workload, backend: Backend) -> int:
    """For callers that count no memory."""
    return backend.chunk_tokens


def cut(job: CutJob) -> CutResult:
    """Slices and the initial adapter in `out_dir`, made where it is missing. Raises ShardError, CheckpointError."""
    vocab_size, hidden_size = find_head(Path(job.model_dir))[0].shape
    shards = tuple(partial(read_shard, Path(path), vocab_size=vocab_size) for path in job.shards)
    out_dir = Path(job.out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    pieces = gather(shards, [part.sample_indices for part in job.parts])
    slices = tuple(_write_part(part, piece, out_dir) for part, piece in zip(job.parts, pieces, strict=True))
    start = initial_adapter(job.seed, job.rank, hidden_size, vocab_size)
    return CutResult(slices=slices, initial_adapter=write_initial(out_dir / job.initial_name, start))


def _write_part(part: CutPart, piece: Shard, out_dir: Path) -> CutSlice:
    return CutSlice(file=write_shard(out_dir / part.name, piece), tokens=piece.tokens, samples=piece.samples)


class Replay:
    """An assignment done again: loaded once, then asked for one segment after the other."""

    def __init__(self, job: ReplayJob, choose_chunk: ChooseChunk = as_asked) -> None:
        """Raises InputMismatch, BackendUnavailable, and what `choose_chunk` raises before anything large is read."""
        # Where it goes on from is the validator's business here: each segment brings its own start.
        assignment = job.assignment.model_copy(update={"continues_from": ()})
        planned = assignment.execution
        self._backend = load(job.backend, threads=planned.threads, chunk_tokens=planned.chunk_tokens)
        chunk = choose_chunk(workload_of(assignment), self._backend)
        if chunk != planned.chunk_tokens:
            self._backend = load(job.backend, threads=planned.threads, chunk_tokens=chunk)
        self._prepared: PreparedContribution = prepare_contribution(
            assignment,
            self._backend,
            model_dir=Path(job.model_dir),
            slice_path=Path(job.slice_path),
            initial_path=Path(job.initial_adapter_path),
            on_stage=ignore_stage,
        )
        self._assignment = job.assignment
        self._out_dir = Path(job.out_dir)
        self._seconds = 0.0

    def segment(self, start: SegmentStart, on_step: OnStep = ignore_step) -> SegmentResult:
        """Train from the given start to the next checkpoint, or to the end. Raises InputMismatch, StateFileError."""
        assignment, done = self._assignment, start.first_step - 1
        last = next(iter(checkpoints_after(assignment.recipe, done)), assignment.recipe.steps)
        resumed = None
        if start.checkpoint_path is not None:
            resumed = read_state(Path(start.checkpoint_path), assignment, done).state
        elif done:
            raise InputMismatch(f"segment from step {start.first_step}: expected a checkpoint, got none")
        job = dataclasses.replace(self._prepared.job, resumed=resumed, until=last)
        started = time.perf_counter()
        trained = self._backend.train(job, on_step)
        seconds = time.perf_counter() - started
        self._seconds += seconds
        self._out_dir.mkdir(parents=True, exist_ok=True)
        if last == assignment.recipe.steps:
            file = write_adapter(self._out_dir, trained.adapter, assignment.digest)
        else:
            file = write_state(self._out_dir, trained.state, assignment.digest)
        return SegmentResult(
            first_step=start.first_step,
            last_step=last,
            file=file,
            step_losses=trained.step_losses[done:],
            seconds=seconds,
        )

    def result(self) -> ReplayResult:
        return ReplayResult(
            device=self._backend.device(),
            software=software(self._backend),
            execution=execution(self._backend),
            seconds=self._seconds,
        )


def score(job: ScoreJob, choose_chunk: ChooseChunk = as_asked) -> ScoreResult:
    """Held-out loss of each subject, in the order of the job. Raises InputMismatch, AdapterFileError, Diverged, and
    what `choose_chunk` raises before the head is read."""
    model_dir = Path(job.model_dir)
    span, _ = find_head(model_dir)
    shard = read_shard(Path(job.held_out_path), vocab_size=span.shape[0])
    backend = load(job.backend, threads=job.threads, chunk_tokens=job.chunk_tokens)
    chunk = choose_chunk(_scoring(job, span, shard), backend)
    if chunk != job.chunk_tokens:
        backend = load(job.backend, threads=job.threads, chunk_tokens=chunk)
    head = load_head(model_dir, backend.head_memory)
    check_head(head, job.head_sha256)
    scores = tuple(_score_one(backend, head, shard, subject) for subject in job.subjects)
    return ScoreResult(scores=scores, device=backend.device())


def _scoring(job: ScoreJob, span: TensorSpan, shard: Shard) -> Workload:
    return Workload(
        vocab_size=span.shape[0],
        hidden_size=span.shape[1],
        rank=max(subject.rank for subject in job.subjects),
        head_item=item_of(span.dtype),
        tokens=shard.tokens,
        shard_item=item_of(shard.dtype),
        trains=False,
    )


def _score_one(backend: Backend, head: Head, shard: Shard, subject: ScoreSubject) -> HeldOutScore:
    weights = None
    if subject.adapter_path is not None:
        path = Path(subject.adapter_path)
        stored = read_adapter(path, rank=subject.rank, hidden_size=head.hidden_size, vocab_size=head.vocab_size)
        weights = stored.weights
    loss = backend.held_out_loss(head, shard, weights, subject.alpha)
    if not abs(loss) <= MAX_INTEGER:  # past it no line can say it, and NaN is nothing
        raise Diverged(f"{subject.subject}: expected a finite held-out loss below 2^53, got {loss}")
    return HeldOutScore(subject=subject.subject, mean_loss=loss, tokens=shard.tokens)
