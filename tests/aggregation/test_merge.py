"""The merge is the exact weighted mean of the deltas, for any ranks and weights."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from console.aggregation.merge import WeightedAdapter, merge, sample_weights
from console.validation.adapter import Adapter, adapter_bytes, read_adapter

D, V = 12, 20


def dense(adapter: Adapter) -> NDArray[np.float64]:
    return adapter.scale * adapter.b.astype(np.float64) @ adapter.a.astype(np.float64)


def made(seed: int, rank: int, alpha: float, size: float = 1.0) -> Adapter:
    random = np.random.default_rng(seed)
    a, b = random.standard_normal((rank, D)), random.standard_normal((V, rank)) * size
    return Adapter(a.astype(np.float32), b.astype(np.float32), alpha, {})


def mean(parts: tuple[WeightedAdapter, ...]) -> NDArray[np.float64]:
    return np.asarray(sum(float(part.weight) * dense(part.adapter) for part in parts))


@settings(max_examples=80, deadline=None)
@given(
    parts=st.lists(
        st.tuples(st.integers(1, 8), st.integers(1, 10_000), st.sampled_from([1e-3, 1.0, 30.0])),
        min_size=2,
        max_size=8,
    ),
    one_scale=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_a_merge_is_the_dense_weighted_mean(parts: list[tuple[int, int, float]], one_scale: bool, seed: int) -> None:
    weights = sample_weights({f"n{k}": samples for k, (_, samples, _) in enumerate(parts)})
    weighted = tuple(
        WeightedAdapter(made(seed + k, rank, 2.0 * rank if one_scale else 16.0, size), weights[f"n{k}"])
        for k, (rank, _, size) in enumerate(parts)
    )
    outcome = merge(weighted)
    expected = mean(weighted)
    assert np.linalg.norm(dense(outcome.merged) - expected) <= 1e-6 * np.linalg.norm(expected)
    assert outcome.merged.rank == sum(part.adapter.rank for part in weighted)
    assert outcome.residual <= 1e-6
    assert outcome.delta_norm == pytest.approx(np.linalg.norm(expected), rel=1e-5)


def test_a_merge_is_not_the_mean_of_the_factors() -> None:
    parts = tuple(WeightedAdapter(made(seed, 4, 8.0), Fraction(1, 2)) for seed in (1, 2))
    factors = Adapter(
        np.mean([part.adapter.a for part in parts], axis=0),
        np.mean([part.adapter.b for part in parts], axis=0),
        8.0,
        {},
    )
    wrong = np.linalg.norm(dense(factors) - mean(parts)) / np.linalg.norm(mean(parts))
    assert wrong > 0.1
    assert np.linalg.norm(dense(merge(parts).merged) - dense(factors)) > 0.1


def test_a_merge_keeps_the_scale_where_the_parts_share_one() -> None:
    parts = tuple(WeightedAdapter(made(seed, 8, 16.0), Fraction(1, 2)) for seed in (1, 2))
    merged = merge(parts).merged
    assert (merged.rank, merged.alpha, merged.scale) == (16, 32.0, 2.0)


def test_a_merge_survives_its_file() -> None:
    merged = merge(tuple(WeightedAdapter(made(seed, 3, 6.0), Fraction(1, 2)) for seed in (1, 2))).merged
    again = read_adapter(adapter_bytes(merged.a, merged.b, {}), alpha=merged.alpha, name="merged")
    assert np.array_equal(dense(again), dense(merged))


def test_two_empty_deltas_merge_to_an_empty_one() -> None:
    nothing = Adapter(np.ones((2, D), np.float32), np.zeros((V, 2), np.float32), 4.0, {})
    outcome = merge((WeightedAdapter(nothing, Fraction(1, 2)), WeightedAdapter(nothing, Fraction(1, 2))))
    assert (outcome.delta_norm, outcome.residual) == (0.0, 0.0)


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=8))
def test_weights_sum_to_one_exactly(samples: list[int]) -> None:
    weights = sample_weights({f"n{k}": count for k, count in enumerate(samples)})
    assert sum(weights.values()) == 1
    assert all(weights[f"n{k}"] * sum(samples) == count for k, count in enumerate(samples))
