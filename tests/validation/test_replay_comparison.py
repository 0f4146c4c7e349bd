"""A segment is exact, within the bound, or a mismatch: with states that were really trained."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from console.validation.adapter import Adapter
from console.validation.replay_comparison import Comparison, Segment, compare, delta_distance, worst
from console.validation.training_state import MOMENT_NAMES, State
from runners.contract.canonical import canonical_bytes, parse_strict
from runners.contract.document import word_from_json
from runners.contract.lane import PairTolerance
from runners.contract.receipts import Distance
from runners.training.backend import TrainingJob, TrainingState, ignore_step
from runners.training.reference_backend import ReferenceBackend
from tests.training.problems import ALPHA, job, shard
from tests.validation.policies import TOLERANCE

VOCABULARY = 128


def train(work: TrainingJob) -> TrainingState:
    return ReferenceBackend(threads=1, chunk_tokens=64).train(work, ignore_step).state


def small_job(steps: int = 6, seed: int = 2) -> TrainingJob:
    return job(steps, data=shard(VOCABULARY, samples=12, mean_tokens=6, seed=seed), vocab_size=VOCABULARY)


def state(trained: TrainingState) -> State:
    moments = trained.moments
    assert moments is not None
    adapter = Adapter(trained.weights.a, trained.weights.b, ALPHA, {})
    kept = {name: getattr(moments, name) for name in MOMENT_NAMES}
    return State(adapter, kept, trained.step_losses)


START = State(Adapter(small_job().initial.a, small_job().initial.b, ALPHA, {}), {}, ())


@pytest.fixture(scope="module")
def honest() -> State:
    return state(train(small_job()))


def compared(
    end: State,
    replayed: State,
    *,
    start: State = START,
    same_settings: bool = False,
    tolerance: PairTolerance = TOLERANCE,
) -> Comparison:
    segment = Segment(start, end, replayed, end.step_losses, replayed.step_losses)
    return compare(segment, tolerance, same_settings=same_settings, exact_owed=True)


def with_b(whole: State, b: NDArray[np.float32]) -> State:
    return dataclasses.replace(whole, adapter=Adapter(whole.adapter.a, b, ALPHA, {}))


def nudged(whole: State, relative: float) -> State:
    return with_b(whole, whole.adapter.b * np.float32(1 + relative))


def with_moment(whole: State, name: str, factor: float) -> State:
    return dataclasses.replace(whole, moments={**whole.moments, name: whole.moments[name] * np.float32(factor)})


def with_losses(whole: State, *losses: float) -> State:
    return dataclasses.replace(whole, step_losses=losses)


def test_the_same_work_again_is_exact_under_the_same_settings(honest: State) -> None:
    assert compared(honest, state(train(small_job())), same_settings=True).outcome == "exact"


def test_equal_bits_under_other_settings_are_not_called_exact(honest: State) -> None:
    assert compared(honest, honest).outcome == "within_tolerance"


def test_rounding_of_another_backend_is_within_the_bound(honest: State) -> None:
    outcome = compared(nudged(honest, 1e-5), honest)
    assert outcome.outcome == "within_tolerance"
    assert outcome.relative_difference == pytest.approx(1e-5, rel=0.05)


def test_rounding_under_the_same_settings_is_a_mismatch(honest: State) -> None:
    assert compared(nudged(honest, 1e-5), honest, same_settings=True).outcome == "mismatch"


def test_a_delta_past_the_bound_is_a_mismatch(honest: State) -> None:
    assert compared(nudged(honest, 3e-4), honest).outcome == "mismatch"


@pytest.mark.parametrize("moment", MOMENT_NAMES)
def test_a_moment_past_the_bound_is_a_mismatch_whatever_the_delta(honest: State, moment: str) -> None:
    assert compared(with_moment(honest, moment, 1 + 3e-4), honest).outcome == "mismatch"


def test_a_loss_past_the_bound_is_a_mismatch_whatever_the_delta(honest: State) -> None:
    told = with_losses(honest, honest.step_losses[0] + 1e-3, *honest.step_losses[1:])
    assert compared(told, honest).outcome == "mismatch"


def test_the_bound_is_of_the_segments_own_change_and_not_of_the_whole_delta(honest: State) -> None:
    """Late in a run a whole delta hides what a segment left out."""
    before = state(train(small_job(steps=5)))
    lazy = dataclasses.replace(before, step_losses=honest.step_losses)
    assert compared(lazy, honest, start=before).outcome == "mismatch"
    late = nudged(honest, 5e-5)  # of the whole delta: within; of what the last step changed: past it
    assert compared(late, honest).outcome == "within_tolerance"
    assert compared(late, honest, start=before).outcome == "mismatch"


def test_a_floor_forgives_rounding_where_a_segment_changes_little(honest: State) -> None:
    floored = TOLERANCE.model_copy(update={"delta_floor": 1e-5})
    still = nudged(honest, 1e-6)
    assert compared(still, honest, start=honest).outcome == "mismatch"
    assert compared(still, honest, start=honest, tolerance=floored).outcome == "within_tolerance"
    assert compared(nudged(honest, 1e-4), honest, start=honest, tolerance=floored).outcome == "mismatch"


def test_a_skipped_step_is_a_mismatch(honest: State) -> None:
    """One update left out, and the losses told as if all were done."""
    lazy = state(train(small_job(steps=5)))
    assert compared(with_losses(lazy, *lazy.step_losses, honest.step_losses[-1]), honest).outcome == "mismatch"


def test_losses_of_fewer_steps_are_a_mismatch_with_finite_numbers(honest: State) -> None:
    outcome = compared(state(train(small_job(steps=5))), honest)
    assert outcome.outcome == "mismatch"
    assert np.isfinite([outcome.relative_difference, outcome.max_loss_difference]).all()


def test_work_on_another_slice_is_a_mismatch(honest: State) -> None:
    """Swapped slices give other adapters: the data are really used."""
    outcome = compared(state(train(small_job(seed=3))), honest)
    assert outcome.outcome == "mismatch"
    assert outcome.relative_difference > 0.1


def test_the_untrained_start_is_a_mismatch(honest: State) -> None:
    assert compared(with_b(honest, np.zeros_like(honest.adapter.b)), honest).outcome == "mismatch"


def test_a_replay_that_learned_nothing_confirms_nothing(honest: State) -> None:
    other = compared(honest, with_b(honest, np.zeros_like(honest.adapter.b)))
    assert other.outcome == "mismatch" and np.isfinite(other.relative_difference)


def test_a_replay_with_nan_confirms_nothing(honest: State) -> None:
    outcome = compared(honest, with_b(honest, honest.adapter.b * np.float32(np.nan)))
    assert outcome.outcome == "mismatch" and np.isfinite(outcome.relative_difference)


def test_the_whole_is_as_good_as_its_worst_segment() -> None:
    assert worst(("exact", "within_tolerance", "exact")) == "within_tolerance"
    assert worst(("exact", "mismatch", "within_tolerance")) == "mismatch"
    assert worst(("exact", "exact")) == "exact"


@pytest.mark.parametrize("ranks", [(8, 8), (2, 5), (8, 1)])
def test_a_distance_is_that_of_the_dense_deltas(ranks: tuple[int, int]) -> None:
    random = np.random.default_rng(sum(ranks))
    one, other = (Adapter(_normal(random, rank, 24), _normal(random, 40, rank), 16.0, {}) for rank in ranks)
    dense = [each.scale * each.b.astype(np.float64) @ each.a.astype(np.float64) for each in (one, other)]
    assert delta_distance(one, other) == pytest.approx(np.linalg.norm(dense[0] - dense[1]), rel=1e-12)


def _normal(random: np.random.Generator, rows: int, columns: int) -> NDArray[np.float32]:
    return random.standard_normal((rows, columns)).astype(np.float32)


@pytest.mark.parametrize("value", [1e12, 1e15, 1e16, 1e17, 1e20, 3e38])
def test_what_a_made_up_moment_is_off_by_can_be_read_back_from_a_receipt(honest: State, value: float) -> None:
    """From 2^53 to 1e21 canonical JSON spells a number as an integer that nobody reads."""
    made_up = {**honest.moments, "mean_b": np.full_like(honest.moments["mean_b"], value)}
    found = compared(dataclasses.replace(honest, moments=made_up), honest)
    assert found.outcome == "mismatch"
    for distance in found.distances:
        assert word_from_json(Distance, distance.to_json()) == distance
    assert parse_strict(canonical_bytes({"x": found.relative_difference})) == {"x": found.relative_difference}
