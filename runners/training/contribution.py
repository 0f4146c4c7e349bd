"""An assignment becomes a contribution: adapter, configuration and receipt in one folder."""

from dataclasses import dataclass
from pathlib import Path

from runners.contract.names import Sha256
from runners.contract.plan import Assignment, UploadManifest
from runners.contract.receipts import ContributorReceipt
from runners.records.clock import Clock
from runners.training.backend import Backend, OnStage, OnStep, ShouldStop, TrainingJob, never_stop


@dataclass(frozen=True, eq=False)
class PreparedContribution:
    """Inputs that were checked against the assignment and lie on the device. The digests are for `Ready`."""

    assignment: Assignment
    backend: Backend
    job: TrainingJob
    head_sha256: Sha256
    slice_sha256: Sha256
    initial_adapter_sha256: Sha256


def prepare_contribution(
    assignment: Assignment, model_dir: Path, slice_path: Path, initial_path: Path, backend: Backend, on_stage: OnStage
) -> PreparedContribution:
    """Everything before `Ready`. Raises InputMismatch before a byte goes to the device."""
    raise NotImplementedError


def finish_contribution(
    prepared: PreparedContribution,
    out_dir: Path,
    on_step: OnStep,
    should_stop: ShouldStop = never_stop,
    *,
    clock: Clock | None = None,
) -> ContributorReceipt:
    """Everything after `Began`: train, then write OUTBOX_FILES into the existing folder `out_dir`, each synced."""
    raise NotImplementedError


def contribute(
    assignment: Assignment,
    model_dir: Path,
    slice_path: Path,
    initial_path: Path,
    out_dir: Path,
    backend: Backend,
    on_stage: OnStage,
    on_step: OnStep,
    should_stop: ShouldStop = never_stop,
) -> ContributorReceipt:
    """Both halves, for callers that wait for nobody's permission."""
    prepared = prepare_contribution(assignment, model_dir, slice_path, initial_path, backend, on_stage)
    return finish_contribution(prepared, out_dir, on_step, should_stop)


def observe_upload(out_dir: Path, assignment: Assignment) -> UploadManifest:
    """The manifest of what really lies in `out_dir`, for `Produced`: names, shapes and rank read from the files."""
    raise NotImplementedError
