"""The validator's jobs: each one a pure use of files that the job names. `python -m runners <job>` calls these."""

from runners.contract.jobs import CutJob, CutResult, ReplayJob, ReplayResult, ScoreJob, ScoreResult
from runners.training.backend import OnStep, ignore_step


def cut(job: CutJob) -> CutResult:
    raise NotImplementedError


def replay(job: ReplayJob, on_step: OnStep = ignore_step) -> ReplayResult:
    """Do the assignment again and write `out_dir/adapter_model.safetensors`. Raises InputMismatch."""
    raise NotImplementedError


def score(job: ScoreJob) -> ScoreResult:
    raise NotImplementedError
