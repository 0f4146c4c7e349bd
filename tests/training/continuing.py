"""A short training with checkpoints, stopped where a test wants, and what goes on from it."""

from pathlib import Path

from runners.contract.jobs import BackendName
from runners.contract.plan import Assignment, CheckpointRef
from runners.contract.receipts import ContributorReceipt
from runners.training.backend import ignore_stage
from runners.training.backends import load
from runners.training.contribution import contribute
from tests.training.assignments import BASE, Ground, assignment_over

STEPS, EVERY = 6, 2


def planned(ground: Ground, continues_from: tuple[CheckpointRef, ...] = ()) -> Assignment:
    return assignment_over(ground, 0, steps=STEPS, checkpoint_steps=EVERY, continues_from=continues_from)


def train(
    ground: Ground,
    folder: Path,
    backend: BackendName,
    assignment: Assignment,
    start: Path | None = None,
    *,
    until: int = STEPS,
) -> ContributorReceipt:
    """As a runner does it, in `folder`; stopped before step `until` + 1."""
    done: list[int] = [assignment.start.step if assignment.start else 0]
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "out").mkdir()
    return contribute(
        assignment,
        load(backend, threads=1, chunk_tokens=64),
        model_dir=BASE,
        slice_path=ground.slice_path(0),
        initial_path=ground.initial_path,
        out_dir=folder / "out",
        checkpoint_dir=folder / "checkpoints",
        on_stage=ignore_stage,
        on_step=lambda result: done.append(result.step),
        should_stop=lambda: done[-1] >= until and until < STEPS,
        start_path=start,
    )
