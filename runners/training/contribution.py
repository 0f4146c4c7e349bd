"""An assignment becomes a contribution: adapter, configuration and receipt in one folder."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runners.contract.adapter_config import read_adapter_config
from runners.contract.names import Sha256
from runners.contract.plan import (
    ADAPTER_CONFIG_FILE,
    ADAPTER_FILE,
    RECEIPT_FILE,
    TENSOR_A,
    TENSOR_B,
    Assignment,
    CheckpointRef,
    FileRef,
    TensorShape,
    UploadIdentity,
    UploadManifest,
)
from runners.contract.receipts import ContributorReceipt
from runners.records.clock import Clock
from runners.records.durable import read_regular, write_durable
from runners.training.adapter_file import read_adapter, write_adapter, write_adapter_config
from runners.training.backend import (
    Backend,
    OnStage,
    OnStep,
    ShouldStop,
    StepResult,
    TrainingJob,
    TrainingState,
    never_stop,
)
from runners.training.errors import InputMismatch
from runners.training.head import Head, load_head
from runners.training.shards import Shard, read_shard
from runners.training.software import execution, software
from runners.training.state_file import read_state, write_state

OnCheckpoint = Callable[[CheckpointRef, TrainingState], None]


@dataclass(frozen=True, eq=False)
class PreparedContribution:
    """Inputs that were checked against the assignment and lie on the device. The digests are for `Ready`."""

    assignment: Assignment
    backend: Backend
    job: TrainingJob
    head_sha256: Sha256
    slice_sha256: Sha256
    initial_adapter_sha256: Sha256


def ignore_checkpoint(ref: CheckpointRef, state: TrainingState) -> None:
    """For callers that journal nothing."""


def prepare_contribution(
    assignment: Assignment,
    backend: Backend,
    *,
    model_dir: Path,
    slice_path: Path,
    initial_path: Path,
    on_stage: OnStage,
    start_path: Path | None = None,
) -> PreparedContribution:
    """Everything before `Ready`; `start_path` is the checkpoint that the assignment goes on from, if it does.
    Raises InputMismatch, StateFileError before a byte goes to the device."""
    on_stage("head", 0, 1, "stages", "read from the host's own checkpoint")
    head = load_head(model_dir, backend.head_memory)
    check_head(head, assignment.head.sha256, assignment)
    on_stage("shard", 0, 1, "stages", assignment.slice.slice_id)
    shard = read_slice(assignment, slice_path)
    on_stage("shard", 1, 1, "stages", f"{shard.samples} samples, {shard.tokens} tokens")
    on_stage("adapter", 0, 1, "stages", assignment.initial_adapter.name)
    initial = read_adapter(
        initial_path, rank=assignment.adapter.rank, hidden_size=head.hidden_size, vocab_size=head.vocab_size
    )
    _expect("initial adapter: sha256", assignment.initial_adapter.sha256, initial.file.sha256)
    on_stage("adapter", 1, 1, "stages", "")
    resumed = None if assignment.start is None else read_start(assignment, assignment.start, start_path)
    job = TrainingJob(head, shard, initial.weights, assignment.adapter, assignment.recipe, assignment.batches, resumed)
    backend.prepare(job, on_stage)
    return PreparedContribution(
        assignment, backend, job, head.sha256, assignment.slice.shard.sha256, initial.file.sha256
    )


def check_head(head: Head, sha256: Sha256, assignment: Assignment | None = None) -> None:
    """Raises InputMismatch unless the host's own head is the planned one."""
    _expect("head: sha256 of the host's checkpoint", sha256, head.sha256)
    if assignment is not None:
        planned = (assignment.head.vocab_size, assignment.head.hidden_size, assignment.head.dtype)
        _expect("head: shape and dtype", planned, (head.vocab_size, head.hidden_size, head.dtype))


def read_start(assignment: Assignment, planned: CheckpointRef, path: Path | None) -> TrainingState:
    """The state that an earlier revision kept. Raises InputMismatch, StateFileError."""
    if path is None:
        raise InputMismatch(f"start: expected checkpoint {planned.file.name} of revision {planned.revision}, got none")
    stored = read_state(path, assignment, planned.step)
    _expect(f"start: sha256 of {planned.file.name}", planned.file.sha256, stored.file.sha256)
    return stored.state


def read_slice(assignment: Assignment, path: Path) -> Shard:
    """Hashed and parsed from the same bytes. Raises ShardError, InputMismatch."""
    planned = assignment.slice
    shard = read_shard(path, vocab_size=assignment.head.vocab_size, expected_sha256=planned.shard.sha256)
    _expect("slice: samples", len(planned.sample_ids), shard.samples)
    _expect("slice: tokens", planned.tokens, shard.tokens)
    return shard


def finish_contribution(
    prepared: PreparedContribution,
    out_dir: Path,
    checkpoint_dir: Path,
    on_step: OnStep,
    should_stop: ShouldStop = never_stop,
    on_checkpoint: OnCheckpoint = ignore_checkpoint,
) -> ContributorReceipt:
    """Everything after `Began`: train, with a checkpoint in `checkpoint_dir` every so many steps, then write
    OUTBOX_FILES into `out_dir`. Both folders exist; each file is synced before anybody hears of it."""
    assignment, backend = prepared.assignment, prepared.backend
    steps: list[StepResult] = []
    checkpoints = list(assignment.continues_from)

    def keep_step(result: StepResult) -> None:
        steps.append(result)
        on_step(result)

    def keep_state(state: TrainingState) -> None:
        file = write_state(checkpoint_dir, state, assignment.digest)
        checkpoints.append(CheckpointRef(revision=assignment.revision, step=state.step, file=file))
        on_checkpoint(checkpoints[-1], state)

    clock = Clock()
    started_wall_ms, started = clock.wall_ms(), time.perf_counter()
    trained = backend.train(prepared.job, keep_step, should_stop, keep_state)
    train_seconds = time.perf_counter() - started
    adapter = write_adapter(out_dir, trained.adapter, assignment.digest)
    config = write_adapter_config(
        out_dir,
        rank=assignment.adapter.rank,
        alpha=assignment.adapter.alpha,
        base_label=base_label(assignment.head.model_digest),
    )
    receipt = ContributorReceipt.seal(
        run_id=assignment.run_id,
        window_id=assignment.window_id,
        revision=assignment.revision,
        node_id=assignment.node_id,
        assignment_digest=assignment.digest,
        contract_digest=assignment.contract_digest,
        device=backend.device(),
        software=software(backend),
        execution=execution(backend),
        initial_adapter_sha256=prepared.initial_adapter_sha256,
        slice_sha256=prepared.slice_sha256,
        head_sha256=prepared.head_sha256,
        adapter=adapter,
        adapter_config=config,
        checkpoints=tuple(checkpoints),
        continued_from=assignment.start,
        steps=len(trained.step_losses),
        samples_presented=sum(len(batch) for batch in prepared.job.batches),
        distinct_samples=len({index for batch in prepared.job.batches for index in batch}),
        tokens_presented=sum(len(prepared.job.shard.rows(batch)) for batch in prepared.job.batches),
        step_losses=trained.step_losses,
        started_wall_ms=started_wall_ms,
        finished_wall_ms=clock.wall_ms(),
        train_seconds=train_seconds,
        tokens_trained=sum(step.tokens for step in steps),
    )
    write_durable(out_dir / RECEIPT_FILE, receipt.to_bytes())
    return receipt


def contribute(
    assignment: Assignment,
    backend: Backend,
    *,
    model_dir: Path,
    slice_path: Path,
    initial_path: Path,
    out_dir: Path,
    checkpoint_dir: Path,
    on_stage: OnStage,
    on_step: OnStep,
    should_stop: ShouldStop = never_stop,
    start_path: Path | None = None,
) -> ContributorReceipt:
    """Both halves, for callers that wait for nobody's permission."""
    prepared = prepare_contribution(
        assignment,
        backend,
        model_dir=model_dir,
        slice_path=slice_path,
        initial_path=initial_path,
        on_stage=on_stage,
        start_path=start_path,
    )
    return finish_contribution(prepared, out_dir, checkpoint_dir, on_step, should_stop)


def base_label(model_digest: Sha256) -> str:
    """What adapter_config.json calls the base model: a digest, since a path would name a machine."""
    return f"sha256:{model_digest}"


def observe_upload(out_dir: Path, prepared: PreparedContribution) -> tuple[UploadManifest, tuple[FileRef, ...]]:
    """What really lies in `out_dir`, for `Produced`: the manifest and the exact files, both in order of names."""
    names = sorted(path.name for path in out_dir.iterdir())
    files = {name: read_regular(out_dir / name, limit=1 << 33) for name in names}
    refs = tuple(
        FileRef(name=name, size_bytes=len(raw), sha256=hashlib.sha256(raw).hexdigest()) for name, raw in files.items()
    )
    rank, alpha = read_adapter_config(files[ADAPTER_CONFIG_FILE], name=ADAPTER_CONFIG_FILE)
    head = prepared.job.head
    stored = read_adapter(out_dir / ADAPTER_FILE, rank=rank, hidden_size=head.hidden_size, vocab_size=head.vocab_size)
    shapes = {TENSOR_A: stored.weights.a.shape, TENSOR_B: stored.weights.b.shape}
    assignment = prepared.assignment
    manifest = UploadManifest.seal(
        files=tuple(names),
        tensors=tuple(
            TensorShape(name=name, dtype="F32", shape=(shape[0], shape[1])) for name, shape in sorted(shapes.items())
        ),
        identity=UploadIdentity(
            run_id=assignment.run_id,
            window_id=assignment.window_id,
            node_id=assignment.node_id,
            revision=assignment.revision,
            head_sha256=prepared.head_sha256,
            slice_sha256=prepared.slice_sha256,
            initial_adapter_sha256=prepared.initial_adapter_sha256,
            rank=rank,
            alpha=alpha,
        ),
    )
    return manifest, refs


def _expect(what: str, expected: object, got: object) -> None:
    if expected != got:
        raise InputMismatch(f"{what}: expected {expected}, got {got}; nothing was trained")
