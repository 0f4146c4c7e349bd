"""What every backend promises beside its arithmetic."""

import threading
import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from runners.contract.errors import MalformedBytes
from runners.contract.jobs import BackendName
from runners.training import mlx_backend, mlx_head, torch_backend, torch_head
from runners.training.backend import AdapterWeights, StepResult, TrainingJob, ignore_stage, ignore_step
from runners.training.backends import load
from runners.training.errors import BackendUnavailable, Diverged, InputMismatch, Stopped, UnsupportedPrecision
from runners.training.shards import cut
from tests.training.problems import ALPHA, BACKENDS, RANK, head, job, relative_difference, shard

STEPS = 10


@pytest.mark.parametrize("name", BACKENDS)
def test_each_step_is_reported_once_with_its_real_samples_and_tokens(name: BackendName) -> None:
    problem, seen = job(STEPS), list[StepResult]()
    result = load(name, threads=1, chunk_tokens=48).train(problem, seen.append)
    assert [step.step for step in seen] == list(range(1, STEPS + 1))
    assert tuple(step.loss for step in seen) == result.step_losses
    assert [step.tokens for step in seen] == [len(problem.shard.rows(batch)) for batch in problem.batches]
    assert all(step.samples == 4 and step.seconds > 0 for step in seen)


@pytest.mark.parametrize("name", BACKENDS)
def test_the_first_loss_is_that_of_the_base_before_any_update(name: BackendName) -> None:
    problem = job(2)
    backend = load(name, threads=1, chunk_tokens=48)
    result = backend.train(problem, ignore_step)
    first_batch = cut(problem.shard, problem.batches[0])
    base = backend.held_out_loss(problem.head, first_batch, None, ALPHA)
    assert result.step_losses[0] == pytest.approx(base, rel=1e-6)


@pytest.mark.parametrize("name", BACKENDS)
def test_a_stop_ends_training_before_the_next_step(name: BackendName) -> None:
    seen: list[StepResult] = []
    with pytest.raises(Stopped, match="before step 4 of 10"):
        load(name, threads=1, chunk_tokens=48).train(job(STEPS), seen.append, lambda: len(seen) == 3)
    assert len(seen) == 3


@pytest.mark.parametrize("name", BACKENDS)
def test_swapped_slices_give_other_adapters(name: BackendName) -> None:
    whole = shard(samples=40)
    even, odd = (cut(whole, list(range(start, 40, 2))) for start in (0, 1))
    results = [load(name, threads=1, chunk_tokens=64).train(job(STEPS, data=data), ignore_step) for data in (even, odd)]
    assert relative_difference(results[0].adapter, results[1].adapter) > 0.1


@pytest.mark.parametrize("name", BACKENDS)
def test_the_chunk_size_moves_only_the_last_digits(name: BackendName) -> None:
    problem = job(STEPS)
    small, large = (load(name, threads=1, chunk_tokens=size).train(problem, ignore_step) for size in (7, 4096))
    assert relative_difference(small.adapter, large.adapter) < 1e-5
    assert small.step_losses == pytest.approx(large.step_losses, rel=1e-6)


@pytest.mark.parametrize("name", ["torch", "mlx"])
def test_a_head_cast_block_by_block_gives_the_same_adapter(name: BackendName, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = job(STEPS)
    whole = load(name, threads=1, chunk_tokens=64).train(problem, ignore_step)
    for module in (torch_head, mlx_head):
        monkeypatch.setattr(module, "F32_HEAD_BYTES", 0)
        monkeypatch.setattr(module, "BLOCK_ROWS", 600)  # 2048 = 3 x 600 + 248
    for backend in (torch_backend, mlx_backend):
        monkeypatch.setattr(backend, "BASE_LOGITS_BYTES", 0)
    blocks = load(name, threads=1, chunk_tokens=64).train(problem, ignore_step)
    assert relative_difference(blocks.adapter, whole.adapter) < 1e-5


def test_held_out_losses_agree_across_backends_for_base_and_adapter() -> None:
    random = np.random.default_rng(5)
    weights = AdapterWeights(
        (random.standard_normal((RANK, 64)) / 8).astype(np.float32),
        (random.standard_normal((2048, RANK)) / 8).astype(np.float32),
    )
    for adapter in (None, weights):
        losses = [
            load(name, threads=1, chunk_tokens=100).held_out_loss(head(), shard(), adapter, ALPHA) for name in BACKENDS
        ]
        assert losses[:2] == pytest.approx([losses[2]] * 2, rel=1e-5)


def test_a_vocabulary_that_is_no_multiple_of_the_summing_block_is_summed_whole() -> None:
    data = shard(vocab_size=1999)
    losses = [
        load(name, threads=1, chunk_tokens=64).held_out_loss(head(vocab_size=1999), data, None, ALPHA)
        for name in BACKENDS
    ]
    assert losses[:2] == pytest.approx([losses[2]] * 2, rel=1e-6)


@pytest.mark.parametrize("name", BACKENDS)
def test_the_device_names_what_really_computes(name: BackendName) -> None:
    device = load(name, threads=2, chunk_tokens=64).device()
    where = "cuda" if device.kind == "cuda" else f"{name}.{device.kind}"
    assert device.backend_label == f"open_adapter_backend.{where}.gpt_oss_lm_head"
    assert device.device_label == f"{device.kind}:0"
    assert device.tf32 is False
    assert device.memory_total_bytes > 0
    assert device.name
    assert device.blas != "unknown"


def test_torch_says_tf32_where_somebody_turned_it_on() -> None:
    import torch

    backend = load("torch", threads=1, chunk_tokens=64)
    torch.set_float32_matmul_precision("high")
    try:
        assert backend.device().tf32 is True
        backend.prepare(job(1), ignore_stage)
        assert backend.device().tf32 is False
    finally:
        torch.set_float32_matmul_precision("highest")


def test_mlx_says_tf32_where_its_switch_was_not_off(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = load("mlx", threads=1, chunk_tokens=64)
    assert backend.device().tf32 is False
    monkeypatch.delenv("MLX_ENABLE_TF32")
    assert backend.device().tf32 is True


def test_torch_uses_the_threads_of_the_recipe() -> None:
    assert load("torch", threads=1, chunk_tokens=64).device().threads == 1
    assert load("torch", threads=2, chunk_tokens=64).device().threads == 2


def test_an_unknown_backend_is_refused_by_name() -> None:
    with pytest.raises(BackendUnavailable, match="tensorflow"):
        load("tensorflow", threads=1, chunk_tokens=64)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", BACKENDS)
def test_another_precision_is_refused_before_anything_is_placed(name: BackendName) -> None:
    problem = job(2)
    mixed = replace(problem, adapter=problem.adapter.model_copy(update={"precision": "bf16_mixed"}))
    with pytest.raises(UnsupportedPrecision, match="expected precision f32_reference, got bf16_mixed"):
        load(name, threads=1, chunk_tokens=64).prepare(mixed, ignore_stage)


def _break_batches(problem: TrainingJob) -> TrainingJob:
    return replace(problem, batches=(*problem.batches[:-1], (0, 1, 2, 40)))


def _break_targets(problem: TrainingJob) -> TrainingJob:
    return replace(problem, head=head(vocab_size=64))


def _break_hidden(problem: TrainingJob) -> TrainingJob:
    return replace(problem, shard=shard(hidden_size=32))


def _break_rank(problem: TrainingJob) -> TrainingJob:
    return replace(problem, initial=AdapterWeights(problem.initial.a[:4].copy(), problem.initial.b[:, :4].copy()))


@pytest.mark.parametrize(
    ("broken", "error", "message"),
    [
        (_break_batches, MalformedBytes, "step 10: expected indices below 40, got 40"),
        (_break_targets, InputMismatch, "expected target ids below 64"),
        (_break_hidden, InputMismatch, r"expected hidden states \[N, 64\]"),
        (_break_rank, InputMismatch, "expected rank 8, got 4"),
    ],
)
def test_a_job_whose_parts_do_not_fit_is_refused(broken, error, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=message):
        load("reference", threads=1, chunk_tokens=64).prepare(broken(job(STEPS)), ignore_stage)


@pytest.mark.parametrize(
    ("name", "size"), [("torch", 3e38), ("mlx", 3e38), ("torch", 1e10), ("mlx", 1e10), ("reference", 1e10)]
)
def test_a_loss_beyond_what_can_be_said_is_named_with_its_step_and_gives_no_adapter(
    name: BackendName, size: float
) -> None:
    """Infinite in f32, or finite and past 2^53, which no journal can say."""
    problem = job(3)
    chance = np.random.Generator(np.random.PCG64(1))
    a, b = (
        chance.choice([-size, size], part.shape).astype(np.float32) for part in (problem.initial.a, problem.initial.b)
    )
    with pytest.raises(Diverged, match="step 1: expected a finite loss below 2\\^53"):
        load(name, threads=1, chunk_tokens=64).train(replace(problem, initial=AdapterWeights(a, b)), ignore_step)


@pytest.mark.usefixtures("on_the_processor")
@pytest.mark.parametrize("name", ["torch", "mlx"])
def test_a_long_step_lets_other_threads_beat(name: BackendName, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (torch_backend, mlx_backend):
        monkeypatch.setattr(module, "BASE_LOGITS_BYTES", 0)  # so that the large product lies inside the step
    problem = job(3, data=shard(vocab_size=4096, samples=32, mean_tokens=40), batch_samples=32, vocab_size=4096)
    backend = load(name, threads=1, chunk_tokens=4096)
    backend.prepare(problem, ignore_stage)
    beats, done, results = [time.monotonic()], threading.Event(), list[StepResult]()

    def beat() -> None:
        while not done.wait(0.01):
            beats.append(time.monotonic())

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        backend.train(problem, results.append)
    finally:
        done.set()
        thread.join()
    longest_gap = max(later - earlier for earlier, later in pairwise(beats))
    assert longest_gap < max(step.seconds for step in results)
