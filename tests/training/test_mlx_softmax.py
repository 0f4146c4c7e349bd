"""The blocked softmax of MLX against float64 on whole rows, and what a step takes beside the head."""

import mlx.core as mx
import numpy as np
import numpy.typing as npt
import pytest

from runners.training.backend import TrainingJob, ignore_stage
from runners.training.backends import load
from runners.training.mlx_exponential import exponential
from runners.training.mlx_softmax import ChunkSoftmax, cut_targets
from tests.training.problems import job, shard

F32 = npt.NDArray[np.float32]


def made(logits: F32, scaled_u: F32, b: F32, targets: npt.NDArray[np.int64], rows: int) -> ChunkSoftmax:
    starts = range(0, len(b), rows)
    blocks = tuple(slice(start, min(start + rows, len(b))) for start in starts)
    of_bt = [mx.array(np.ascontiguousarray(b[block].T)) for block in blocks]
    return ChunkSoftmax(
        lambda index: mx.array(logits[:, blocks[index]]),
        mx.array(scaled_u), of_bt, cut_targets(targets, blocks), weighs=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("tokens", "vocabulary", "rank", "spread"), [(5, 700, 8, 1.0), (16, 1024, 16, 8.0), (37, 2500, 3, 30.0)]
)
def test_blocks_of_any_size_give_the_softmax_of_whole_rows(
    tokens: int, vocabulary: int, rank: int, spread: float
) -> None:
    """With rows whose blocks' maxima lie far apart, and targets that repeat."""
    random = np.random.default_rng(tokens * vocabulary)
    logits = (random.standard_normal((tokens, vocabulary)) * spread).astype(np.float32)
    logits[:, : vocabulary // 2] -= 4 * spread
    scaled_u, b = (random.standard_normal((size, rank)).astype(np.float32) for size in (tokens, vocabulary))
    targets = np.sort(np.concatenate((np.full(2, vocabulary - 1), random.integers(0, vocabulary, tokens - 2))))
    whole = logits.astype(np.float64) + scaled_u.astype(np.float64) @ b.T.astype(np.float64)
    log_total = np.log(np.exp(whole - whole.max(1, keepdims=True)).sum(1)) + whole.max(1)
    probabilities = np.exp(whole - log_total[:, None])
    for rows in (7, 300, vocabulary):
        soft = made(logits, scaled_u, b, targets, rows)
        total, top, weighted = (np.array(each) for each in (soft.total, soft.top, soft.weighted))
        np.testing.assert_allclose(np.log(total) + top, log_total, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(weighted / total[:, None], probabilities @ b, rtol=1e-5, atol=1e-5)
        loss = (log_total - whole[np.arange(tokens), targets]).sum()
        assert soft.summed_loss() == pytest.approx(loss, rel=1e-6)
        decays = np.array(soft.decay)
        exponentials = [np.array(e) * decays[:, index, None] for index, e in enumerate(soft.exponentials)]
        np.testing.assert_allclose(np.concatenate(exponentials, 1) / total[:, None], probabilities, atol=1e-5)


def test_a_long_vocabulary_costs_the_sums_no_digits() -> None:
    """In one run over all of V the reference BLAS loses two of them."""
    vocabulary, rank = 131_072, 8
    random = np.random.default_rng(1)
    logits = random.standard_normal((3, vocabulary)).astype(np.float32)
    b = (random.standard_normal((vocabulary, rank)) + 1).astype(np.float32)
    soft = made(logits, np.zeros((3, rank), np.float32), b, np.array([0, 1, 2]), 1024)
    whole = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    assert np.array(soft.total) == pytest.approx(whole.sum(1), rel=5e-7)
    assert np.array(soft.weighted) == pytest.approx(whole @ b.astype(np.float64), rel=1e-6)


def problem() -> TrainingJob:
    return job(2, data=shard(65_536, samples=12), vocab_size=65_536)


def test_a_step_holds_one_chunk_of_logits_and_little_else() -> None:
    """[n, V] in f32 once, B's gradient, and what belongs to single blocks."""
    backend, chunk_tokens = load("mlx", threads=1, chunk_tokens=48), 48
    work = problem()
    placement = backend.place(work)  # type: ignore[attr-defined]
    rows = work.shard.rows(tuple(range(12)))
    assert len(rows) > 3 * chunk_tokens
    placement.warm_up(rows)
    before = mx.get_active_memory()
    mx.reset_peak_memory()
    placement.step(rows)
    logits, of_b = chunk_tokens * 65_536 * 4, work.initial.b.nbytes
    assert logits < mx.get_peak_memory() - before < 1.1 * logits + 2 * of_b


def test_single_steps_are_those_of_a_training() -> None:
    """What a benchmark drives is what a run does."""
    work = problem()
    backend = load("mlx", threads=1, chunk_tokens=48)
    placement = backend.place(work)  # type: ignore[attr-defined]
    losses = [placement.step(work.shard.rows(batch)) for batch in work.batches]
    backend.prepare(work, ignore_stage)
    trained = backend.train(work, lambda _: None)
    assert trained.step_losses == pytest.approx(losses, rel=1e-6)


def test_the_exponential_keeps_every_digit_of_f32() -> None:
    """MLX's own loses two of them far below zero."""
    x = -np.concatenate((np.linspace(0, 1, 5001), np.geomspace(1, 87, 20001), np.log(2) * np.arange(126))).astype("f4")
    got, expected = np.array(exponential(mx.array(x))), np.exp(x.astype(np.float64))
    assert float(np.abs(got / expected - 1).max()) < 1.5e-7
    assert got[0] == 1.0


def test_what_lies_below_f32_counts_as_nearly_nothing_and_what_is_no_number_stays_so() -> None:
    got = np.array(exponential(mx.array([-88.0, -1e30, -np.inf, np.nan])))
    assert (got[:3] > 0).all()
    assert (got[:3] < 2e-38).all()
    assert np.isnan(got[3])
