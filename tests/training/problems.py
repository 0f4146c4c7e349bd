"""Small problems from a seed, of the tiny base's vocabulary size."""

import hashlib

import numpy as np
import numpy.typing as npt

from runners.contract.batches import batch_order
from runners.contract.jobs import BackendName
from runners.contract.lane import AdapterContract, RecipeContract
from runners.training.adapter_file import initial_adapter
from runners.training.backend import AdapterWeights, TrainingJob
from runners.training.head import Head, f32_to_bf16
from runners.training.shards import Shard

RANK, ALPHA, LEARNING_RATE = 8, 16.0, 5e-4
BACKENDS: tuple[BackendName, ...] = ("torch", "mlx", "reference")


def head(vocab_size: int = 2048, hidden_size: int = 64) -> Head:
    random = np.random.default_rng(1)
    weight = f32_to_bf16((random.standard_normal((vocab_size, hidden_size)) * 0.2).astype(np.float32))
    return Head("lm_head.weight", "BF16", weight, hashlib.sha256(weight.tobytes()).hexdigest(), tied=False)


def shard(
    vocab_size: int = 2048, hidden_size: int = 64, samples: int = 40, mean_tokens: int = 16, seed: int = 2
) -> Shard:
    """Samples of unlike lengths, targets that repeat."""
    random = np.random.default_rng(seed)
    lengths = random.integers(mean_tokens // 2, mean_tokens * 3 // 2 + 1, samples)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    hidden = f32_to_bf16(random.standard_normal((int(offsets[-1]), hidden_size)).astype(np.float32))
    targets = random.integers(0, vocab_size // 16, int(offsets[-1])).astype(np.int32)
    return Shard("BF16", hidden, targets, offsets)


def adapter_contract() -> AdapterContract:
    return AdapterContract(
        family="gpt_oss.decoder_lm_head_lora",
        format="safetensors",
        precision="f32_reference",
        rank=RANK,
        alpha=ALPHA,
    )


def recipe(
    steps: int, *, batch_samples: int = 4, chunk_tokens: int = 64, seed: int = 7, checkpoint_steps: int = 20
) -> RecipeContract:
    return RecipeContract(
        steps=steps,
        batch_samples=batch_samples,
        learning_rate=LEARNING_RATE,
        beta1=0.9,
        beta2=0.999,
        epsilon=1e-8,
        weight_decay=0.01,
        seed=seed,
        threads=1,
        chunk_tokens=chunk_tokens,
        checkpoint_steps=checkpoint_steps,
    )


def job(
    steps: int,
    *,
    data: Shard | None = None,
    batch_samples: int = 4,
    vocab_size: int = 2048,
    checkpoint_steps: int = 20,
) -> TrainingJob:
    data = data or shard(vocab_size)
    how = recipe(steps, batch_samples=batch_samples, checkpoint_steps=checkpoint_steps)
    return TrainingJob(
        head=head(vocab_size),
        shard=data,
        initial=initial_adapter(how.seed, RANK, data.hidden_size, vocab_size),
        adapter=adapter_contract(),
        recipe=how,
        batches=batch_order(how.seed, data.samples, batch_samples, steps),
    )


def delta(weights: AdapterWeights) -> npt.NDArray[np.float64]:
    """s B A, `[V, d]`, in f64."""
    return ALPHA / RANK * (weights.b.astype(np.float64) @ weights.a.astype(np.float64))


def relative_difference(got: AdapterWeights, expected: AdapterWeights) -> float:
    """Frobenius norm of the difference of the deltas over that of the expected one."""
    return float(np.linalg.norm(delta(got) - delta(expected)) / np.linalg.norm(delta(expected)))
