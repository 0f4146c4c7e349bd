"""Exact, within the bound, or a mismatch: with adapters that were really trained."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from console.validation.adapter import Adapter, relative_difference
from console.validation.replay_comparison import Comparison, compare
from runners.training.backend import TrainingJob, TrainingResult, ignore_step
from runners.training.reference_backend import ReferenceBackend
from tests.training.problems import ALPHA, job, shard
from tests.validation.test_rules import GOVERNANCE

VOCABULARY = 128


def train(work: TrainingJob) -> TrainingResult:
    return ReferenceBackend(threads=1, chunk_tokens=64).train(work, ignore_step)


def adapter(result: TrainingResult) -> Adapter:
    return Adapter(result.adapter.a, result.adapter.b, ALPHA, {})


def small_job(steps: int = 6, seed: int = 2) -> TrainingJob:
    return job(steps, data=shard(VOCABULARY, samples=12, mean_tokens=6, seed=seed), vocab_size=VOCABULARY)


@pytest.fixture(scope="module")
def honest() -> TrainingResult:
    return train(small_job())


def compared(
    one: TrainingResult, other: TrainingResult, *, same_backend: bool = False, adapted: Adapter | None = None
) -> Comparison:
    return compare(
        adapted or adapter(one), one.step_losses, adapter(other), other.step_losses, GOVERNANCE,
        same_backend=same_backend,
    )  # fmt: skip


def nudged(result: TrainingResult, relative: float) -> Adapter:
    return Adapter(result.adapter.a, (result.adapter.b * np.float32(1 + relative)), ALPHA, {})


def test_the_same_work_again_is_exact(honest: TrainingResult) -> None:
    again = train(small_job())
    assert compared(honest, again, same_backend=True).outcome == "exact"


def test_rounding_of_another_backend_is_within_the_bound(honest: TrainingResult) -> None:
    outcome = compared(honest, honest, adapted=nudged(honest, 1e-5))
    assert outcome.outcome == "within_tolerance"
    assert outcome.relative_difference == pytest.approx(1e-5, rel=0.05)


def test_rounding_on_one_and_the_same_backend_is_a_mismatch(honest: TrainingResult) -> None:
    assert compared(honest, honest, adapted=nudged(honest, 1e-5), same_backend=True).outcome == "mismatch"


def test_a_delta_past_the_bound_is_a_mismatch(honest: TrainingResult) -> None:
    assert compared(honest, honest, adapted=nudged(honest, 3e-4)).outcome == "mismatch"


def test_a_loss_past_the_bound_is_a_mismatch_whatever_the_delta(honest: TrainingResult) -> None:
    told = dataclasses.replace(honest, step_losses=(honest.step_losses[0] + 1e-3, *honest.step_losses[1:]))
    assert compared(told, honest).outcome == "mismatch"


def test_a_skipped_step_is_a_mismatch(honest: TrainingResult) -> None:
    """One update left out, and the losses told as if all were done."""
    lazy = train(small_job(steps=5))
    padded = dataclasses.replace(lazy, step_losses=(*lazy.step_losses, honest.step_losses[-1]))
    assert compared(padded, honest).outcome == "mismatch"


def test_losses_of_fewer_steps_are_a_mismatch_with_finite_numbers(honest: TrainingResult) -> None:
    lazy = train(small_job(steps=5))
    outcome = compared(lazy, honest)
    assert outcome.outcome == "mismatch"
    assert np.isfinite([outcome.relative_difference, outcome.max_loss_difference]).all()


def test_work_on_another_slice_is_a_mismatch(honest: TrainingResult) -> None:
    """Swapped slices give other adapters: the data are really used."""
    other = train(small_job(seed=3))
    outcome = compared(other, honest)
    assert outcome.outcome == "mismatch"
    assert outcome.relative_difference > 0.1


def test_the_untrained_start_is_a_mismatch(honest: TrainingResult) -> None:
    idle = Adapter(honest.adapter.a, np.zeros_like(honest.adapter.b), ALPHA, {})
    assert compared(honest, honest, adapted=idle).outcome == "mismatch"


def test_a_replay_that_learned_nothing_confirms_only_the_same_nothing(honest: TrainingResult) -> None:
    nothing = Adapter(honest.adapter.a, np.zeros_like(honest.adapter.b), ALPHA, {})
    losses = honest.step_losses
    same = compare(nothing, losses, nothing, losses, GOVERNANCE, same_backend=True)
    other = compare(adapter(honest), losses, nothing, losses, GOVERNANCE, same_backend=False)
    assert (same.outcome, same.relative_difference) == ("exact", 0.0)
    assert other.outcome == "mismatch" and np.isfinite(other.relative_difference)


def test_a_replay_with_nan_confirms_nothing(honest: TrainingResult) -> None:
    broken = Adapter(honest.adapter.a, honest.adapter.b * np.float32(np.nan), ALPHA, {})
    outcome = compare(
        adapter(honest), honest.step_losses, broken, honest.step_losses, GOVERNANCE, same_backend=False
    )  # fmt: skip
    assert outcome.outcome == "mismatch" and np.isfinite(outcome.relative_difference)


@pytest.mark.parametrize("ranks", [(8, 8), (2, 5), (8, 1)])
def test_the_relative_difference_is_that_of_the_dense_deltas(ranks: tuple[int, int]) -> None:
    random = np.random.default_rng(sum(ranks))
    one, other = (Adapter(_normal(random, rank, 24), _normal(random, 40, rank), 16.0, {}) for rank in ranks)
    dense = [each.scale * each.b.astype(np.float64) @ each.a.astype(np.float64) for each in (one, other)]
    expected = np.linalg.norm(dense[0] - dense[1]) / np.linalg.norm(dense[1])
    assert relative_difference(one, other) == pytest.approx(expected, rel=1e-12)


def _normal(random: np.random.Generator, rows: int, columns: int) -> NDArray[np.float32]:
    return random.standard_normal((rows, columns)).astype(np.float32)
