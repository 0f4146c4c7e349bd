"""The head's published size, V = 201088 and d = 2880, a few tokens, random weights: 20 steps against PEFT. Needs about
12 GiB, and more than a minute."""

import hashlib

import numpy as np
import pytest

from runners.contract.batches import batch_order
from runners.contract.jobs import BackendName
from runners.training.adapter_file import initial_adapter
from runners.training.backend import AdapterWeights, TrainingJob, ignore_step
from runners.training.backends import load
from runners.training.head import Head, f32_to_bf16
from tests.training.peft_oracle import train_with_peft
from tests.training.problems import RANK, adapter_contract, recipe, shard

VOCABULARY, HIDDEN = 201_088, 2880
STEPS, BATCH_SAMPLES, BLOCK = 20, 2, 16_384

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]


def real_head() -> Head:
    """Block by block: all of it in f64 would take 4.6 GB."""
    random = np.random.default_rng(1)
    weight = np.empty((VOCABULARY, HIDDEN), np.uint16)
    for start in range(0, VOCABULARY, BLOCK):
        rows = weight[start : start + BLOCK]
        rows[:] = f32_to_bf16(random.standard_normal(rows.shape, dtype=np.float32) * np.float32(0.02))
    return Head("lm_head.weight", "BF16", weight, hashlib.sha256(weight.data).hexdigest(), tied=False)


@pytest.fixture(scope="module")
def problem() -> TrainingJob:
    data = shard(VOCABULARY, HIDDEN, samples=6, mean_tokens=8)
    how = recipe(STEPS, batch_samples=BATCH_SAMPLES)
    return TrainingJob(
        head=real_head(),
        shard=data,
        initial=initial_adapter(how.seed, RANK, HIDDEN, VOCABULARY),
        adapter=adapter_contract(),
        recipe=how,
        batches=batch_order(how.seed, data.samples, BATCH_SAMPLES, STEPS),
    )


@pytest.fixture(scope="module")
def oracle(problem: TrainingJob) -> tuple[AdapterWeights, list[float]]:
    return train_with_peft(problem)


@pytest.mark.parametrize(("name", "bound"), [("torch", 1e-5), ("mlx", 1e-4)])
def test_twenty_steps_follow_peft(
    problem: TrainingJob, oracle: tuple[AdapterWeights, list[float]], name: BackendName, bound: float
) -> None:
    result = load(name, threads=2, chunk_tokens=16).train(problem, ignore_step)
    expected, losses = oracle
    assert result.step_losses == pytest.approx(losses, rel=1e-5)
    assert len(losses) == STEPS
    difference = factored_norm((result.adapter.b, -expected.b), (result.adapter.a, expected.a))
    relative = difference / factored_norm((expected.b,), (expected.a,))
    print(f"{name}: relative difference of the delta {relative:.2e}, bound {bound:g}")
    assert relative <= bound


def factored_norm(lefts: tuple[np.ndarray, ...], rights: tuple[np.ndarray, ...]) -> float:
    """Frobenius norm of the sum of the products `[V, r] [r, d]`, in f64, without forming any `[V, d]`."""
    tall = np.linalg.qr(np.concatenate(lefts, axis=1).astype(np.float64), mode="r")
    return float(np.linalg.norm(tall @ np.concatenate(rights, axis=0).astype(np.float64)))
