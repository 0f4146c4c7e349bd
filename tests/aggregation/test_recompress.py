"""A recompressed merge is the best one of its rank, and says what it left out."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from console.aggregation.merge import WeightedAdapter, merge
from console.aggregation.recompress import recompress
from console.cli.main import main
from console.validation.adapter import Adapter

D, V = 24, 90


def dense(adapter: Adapter) -> NDArray[np.float64]:
    return adapter.scale * adapter.b.astype(np.float64) @ adapter.a.astype(np.float64)


def stacked(seed: int, ranks: list[int]) -> Adapter:
    random = np.random.default_rng(seed)
    parts = [
        WeightedAdapter(
            Adapter(
                random.standard_normal((rank, D)).astype(np.float32),
                (random.standard_normal((V, rank)) * 10.0 ** random.integers(-2, 2)).astype(np.float32),
                alpha=2.0 * rank,
                metadata={},
            ),
            Fraction(1, len(ranks)),
        )
        for rank in ranks
    ]
    return merge(parts).merged


@settings(max_examples=60, deadline=None)
@given(ranks=st.lists(st.integers(1, 4), min_size=2, max_size=5), data=st.data(), seed=st.integers(0, 10_000))
def test_no_adapter_of_the_rank_is_nearer_to_the_mean(ranks: list[int], data: st.DataObject, seed: int) -> None:
    merged = stacked(seed, ranks)
    rank = data.draw(st.integers(1, merged.rank - 1))
    smaller = recompress(merged, rank)
    sizes = np.linalg.svd(dense(merged), compute_uv=False)
    best = float(np.sum(sizes[rank:] ** 2))
    energy = float(np.sum(sizes**2))

    assert (smaller.adapter.rank, smaller.adapter.scale) == (rank, merged.scale)
    assert float(np.linalg.norm(dense(smaller.adapter) - dense(merged)) ** 2) == pytest.approx(best, abs=1e-10 * energy)
    assert smaller.discarded_energy == pytest.approx(best, abs=1e-10 * energy)
    assert smaller.energy == pytest.approx(energy, rel=1e-6)


def test_contributors_that_agree_lose_nothing() -> None:
    """The stacked B has half the rank of its shape: a factorisation that divides by it would fail."""
    random = np.random.default_rng(3)
    one = Adapter(
        random.standard_normal((4, D)).astype(np.float32), random.standard_normal((V, 4)).astype(np.float32), 8.0, {}
    )
    smaller = recompress(merge([WeightedAdapter(one, Fraction(1, 2))] * 2).merged, 4)
    assert smaller.discarded_part < 1e-12
    assert np.linalg.norm(dense(smaller.adapter) - dense(one)) <= 1e-6 * np.linalg.norm(dense(one))


def test_an_empty_delta_stays_empty() -> None:
    nothing = Adapter(np.ones((4, D), np.float32), np.zeros((V, 4), np.float32), 8.0, {})
    smaller = recompress(nothing, 2)
    assert (smaller.energy, smaller.discarded_part) == (0.0, 0.0)
    assert not dense(smaller.adapter).any()


@pytest.mark.parametrize("rank", [0, 4, 5])
def test_a_rank_that_is_no_smaller_one_is_refused(rank: int) -> None:
    with pytest.raises(ValueError, match="expected a rank from 1 to 3"):
        recompress(Adapter(np.ones((4, D), np.float32), np.ones((V, 4), np.float32), 8.0, {}), rank)


def test_bench_merge_says_times_residual_and_what_was_discarded(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ["--vocab", "600", "--hidden", "32", "--rank", "4", "--contributors", "2,8", "--times", "2"]
    assert main(["bench", "merge", *sizes, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [row["merged_rank"] for row in said["merges"]] == [8, 32]
    for row in said["merges"]:
        assert row["residual"] <= 1e-6
        assert 0 < row["discarded_energy"] < 1
        assert [len(row[f"{kind}_ms"]) for kind in ("exact", "proved", "recompressed")] == [2, 2, 2]


def test_bench_merge_of_nine_is_a_usage_error() -> None:
    assert main(["bench", "merge", "--contributors", "9"]) == 2
