"""A training so small that a whole run of it takes milliseconds, in two roundings that stand for two backends."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runners.contract.lane import AdapterContract, RecipeContract

Array = NDArray[np.floating]
Weights = tuple[NDArray[np.float32], NDArray[np.float32]]  # A [r, d], B [V, r]


@dataclass(frozen=True)
class TinyShard:
    hidden: NDArray[np.float32]  # [N, d]
    targets: NDArray[np.int32]  # [N]
    offsets: NDArray[np.int64]  # [S + 1]

    def take(self, samples: tuple[int, ...]) -> "TinyShard":
        spans = [np.arange(self.offsets[i], self.offsets[i + 1]) for i in samples]
        rows = np.concatenate(spans)
        offsets = np.concatenate(([0], np.cumsum([len(span) for span in spans]))).astype(np.int64)
        return TinyShard(self.hidden[rows], self.targets[rows], offsets)


@dataclass(frozen=True)
class Stand:
    """Where a training stands after `step` steps, in f32 as a checkpoint keeps it."""

    step: int
    a: NDArray[np.float32]
    b: NDArray[np.float32]
    moments: tuple[NDArray[np.float32], ...]  # mean and mean square of A, then of B
    losses: tuple[float, ...]  # of the steps 1 to `step`


@dataclass(frozen=True)
class Trained:
    a: NDArray[np.float32]
    b: NDArray[np.float32]
    losses: tuple[float, ...]
    kept: dict[int, Stand]  # by step


def make_shard(seed: int, samples: int, width: int, vocabulary: int) -> TinyShard:
    """Targets follow from the hidden states, so that there is something to learn."""
    random = np.random.default_rng(seed)
    lengths = random.integers(2, 4, samples)
    rows = int(lengths.sum())
    hidden = random.standard_normal((rows, width)).astype(np.float32)
    teacher = np.random.default_rng(99).standard_normal((vocabulary, width))
    targets = np.argmax(hidden @ teacher.T, axis=1).astype(np.int32)
    return TinyShard(hidden, targets, np.concatenate(([0], np.cumsum(lengths))).astype(np.int64))


def train(
    head: NDArray[np.float32],
    shard: TinyShard,
    start: Stand,
    adapter: AdapterContract,
    recipe: RecipeContract,
    batches: tuple[tuple[int, ...], ...],
    rounding: type[np.floating],
) -> Stand:
    """AdamW on A and B over the batches after `start`, computed in `rounding` and kept in f32."""
    scale = adapter.alpha / adapter.rank
    a: Array = start.a.astype(rounding)
    b: Array = start.b.astype(rounding)
    moments: list[Array] = [each.astype(rounding) for each in start.moments]
    losses = list(start.losses)
    for step, batch in enumerate(batches[start.step :], start=start.step + 1):
        part = shard.take(batch)
        h, u, error, loss = _forward(head.astype(rounding), part, a, b, scale)
        grad_b = scale * error.T @ u
        grad_a = scale * (error @ b).T @ h
        for index, (value, grad) in enumerate(((a, grad_a), (b, grad_b))):
            _adamw(value, grad, moments[2 * index], moments[2 * index + 1], recipe, step)
        losses.append(loss)
    kept = tuple(each.astype(np.float32) for each in moments)
    return Stand(len(losses), a.astype(np.float32), b.astype(np.float32), kept, tuple(losses))


def mean_loss(head: NDArray[np.float32], shard: TinyShard, weights: Weights | None, scale: float) -> float:
    """Nats per token in float64; without weights that of the base."""
    a, b = weights or (np.zeros((1, head.shape[1]), np.float32), np.zeros((head.shape[0], 1), np.float32))
    return _forward(head.astype(np.float64), shard, a.astype(np.float64), b.astype(np.float64), scale)[3]


def _forward(head: Array, part: TinyShard, a: Array, b: Array, scale: float) -> tuple[Array, Array, Array, float]:
    h = part.hidden.astype(a.dtype)
    u = h @ a.T
    logits = h @ head.T + scale * u @ b.T
    logits = logits - logits.max(axis=1, keepdims=True)
    probabilities = np.exp(logits)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    rows = np.arange(len(part.targets))
    loss = -float(np.log(probabilities[rows, part.targets]).mean())
    probabilities[rows, part.targets] -= 1
    return h, u, probabilities / len(rows), loss


def _adamw(value: Array, grad: Array, first: Array, second: Array, recipe: RecipeContract, step: int) -> None:
    first *= recipe.beta1
    first += (1 - recipe.beta1) * grad
    second *= recipe.beta2
    second += (1 - recipe.beta2) * grad**2
    value *= 1 - recipe.learning_rate * recipe.weight_decay
    corrected = np.sqrt(second / (1 - recipe.beta2**step)) + recipe.epsilon
    value -= recipe.learning_rate * (first / (1 - recipe.beta1**step)) / corrected
