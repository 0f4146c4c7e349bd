"""PEFT is the oracle: 50 AdamW steps on the same data from the same start, V = 2048."""

import pytest

from runners.contract.jobs import BackendName
from runners.training.backend import AdapterWeights, TrainingJob, ignore_step
from runners.training.backends import load
from tests.training.peft_oracle import train_with_peft
from tests.training.problems import delta, job, relative_difference

STEPS = 50


@pytest.fixture(scope="module")
def problem() -> TrainingJob:
    return job(STEPS)


@pytest.fixture(scope="module")
def oracle(problem: TrainingJob) -> tuple[AdapterWeights, list[float]]:
    return train_with_peft(problem)


@pytest.mark.parametrize(("name", "bound"), [("torch", 1e-5), ("mlx", 1e-4), ("reference", 1e-5)])
def test_fifty_steps_follow_peft_in_every_loss_and_in_the_delta(
    problem: TrainingJob, oracle: tuple[AdapterWeights, list[float]], name: BackendName, bound: float
) -> None:
    backend = load(name, threads=1, chunk_tokens=48)  # a step has about 64 tokens: two chunks, the last one ragged
    result = backend.train(problem, ignore_step)
    expected_weights, expected_losses = oracle
    assert len(result.step_losses) == STEPS
    for step, (got, expected) in enumerate(zip(result.step_losses, expected_losses, strict=True), start=1):
        assert got == pytest.approx(expected, rel=1e-5), f"loss of step {step}"
    assert relative_difference(result.adapter, expected_weights) <= bound


def test_the_oracle_itself_learns(problem: TrainingJob, oracle: tuple[AdapterWeights, list[float]]) -> None:
    epoch = problem.shard.samples // problem.recipe.batch_samples  # whole epochs, so that equal samples are compared
    assert sum(oracle[1][-epoch:]) < sum(oracle[1][:epoch])
    assert abs(delta(oracle[0])).max() > 0


def test_a_skipped_step_lies_far_outside_the_bound(
    problem: TrainingJob, oracle: tuple[AdapterWeights, list[float]]
) -> None:
    shorter = job(STEPS - 1)
    result = load("torch", threads=1, chunk_tokens=48).train(shorter, ignore_step)
    assert relative_difference(result.adapter, oracle[0]) > 1e-3
