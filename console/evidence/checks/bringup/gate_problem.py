"""The gate's problem, made again from its seed and trained again in float64: losses can't be invented.

Head W [1024, 64] and hidden states in bf16, 32 samples of 16 tokens, targets among the first 32 classes; rank 8,
alpha 16, AdamW at 5e-3 without decay. Numbers from NumPy's PCG64 and Philox; the head's digest shows that this NumPy
still makes the same ones.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from console.evidence.checks.batch_order import batch_order
from console.evidence.checks.stored import sha256_hex

SEED = 20260324
VOCAB, WIDTH, RANK, ALPHA = 1024, 64, 8, 16.0
SAMPLES, SAMPLE_TOKENS, BATCH_SAMPLES = 32, 16, 8
RATE, BETA1, BETA2, EPSILON = 5e-3, 0.9, 0.999, 1e-8
MOST_STEPS = 64  # recomputed; a longer gate is checked over its first steps
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    head: F64  # [V, d]
    hidden: F64  # [N, d]
    targets: npt.NDArray[np.int64]  # [N]
    a: F64  # [r, d]; B starts at zero
    head_sha256: str


@dataclass(frozen=True)
class GateLosses:
    initial: float  # over the whole problem
    steps: tuple[float, ...]  # of each batch before its update
    final: float


@cache
def problem() -> Problem:
    random = np.random.Generator(np.random.PCG64(SEED))
    bits = _bf16((random.standard_normal((VOCAB, WIDTH)) / 8).astype(np.float32))
    hidden = _bf16(random.standard_normal((SAMPLES * SAMPLE_TOKENS, WIDTH)).astype(np.float32))
    targets = random.integers(0, VOCAB // 32, SAMPLES * SAMPLE_TOKENS).astype(np.int64)
    words = np.random.Philox(key=SEED).random_raw(RANK * WIDTH)
    unit = (words >> np.uint64(40)).astype(np.float64) / 2**24
    a = ((2 * unit - 1) / np.sqrt(WIDTH)).astype(np.float32).astype(np.float64).reshape(RANK, WIDTH)
    return Problem(_wide(bits), _wide(hidden), targets, a, sha256_hex(bits.astype("<u2").tobytes()))


@cache
def gate_losses(steps: int) -> GateLosses:
    """Of `steps` training steps. Raises ValueError past MOST_STEPS."""
    order = batch_order(SEED, SAMPLES, BATCH_SAMPLES, steps)
    if order is None or steps > MOST_STEPS:
        raise ValueError(f"gate: expected 1 to {MOST_STEPS} steps, got {steps}")
    given = problem()
    values: list[F64] = [given.a, np.zeros((VOCAB, RANK))]
    moments = [(np.zeros_like(value), np.zeros_like(value)) for value in values]
    everything = np.arange(len(given.targets))
    initial, losses = _loss(given, values, everything), []
    for step, batch in enumerate(order, start=1):
        rows = np.concatenate([np.arange(i * SAMPLE_TOKENS, (i + 1) * SAMPLE_TOKENS) for i in batch])
        loss, gradients = _gradients(given, values, rows)
        losses.append(loss)
        for index, gradient in enumerate(gradients):
            mean, square = moments[index]
            mean = BETA1 * mean + (1 - BETA1) * gradient
            square = BETA2 * square + (1 - BETA2) * gradient**2
            moments[index] = (mean, square)
            scaled = mean / (1 - BETA1**step) / (np.sqrt(square / (1 - BETA2**step)) + EPSILON)
            values[index] = values[index] - RATE * scaled
    return GateLosses(initial, tuple(losses), _loss(given, values, everything))


def _gradients(given: Problem, values: list[F64], rows: npt.NDArray[np.int64]) -> tuple[float, tuple[F64, F64]]:
    a, b = values
    h, targets = given.hidden[rows], given.targets[rows]
    u = h @ a.T
    probabilities, loss = _softmax(h @ given.head.T + ALPHA / RANK * u @ b.T, targets)
    probabilities[np.arange(len(rows)), targets] -= 1
    error = probabilities * (ALPHA / RANK / len(rows))
    return loss, ((error @ b).T @ h, error.T @ u)


def _loss(given: Problem, values: list[F64], rows: npt.NDArray[np.int64]) -> float:
    a, b = values
    h = given.hidden[rows]
    return _softmax(h @ given.head.T + ALPHA / RANK * (h @ a.T) @ b.T, given.targets[rows])[1]


def _softmax(logits: F64, targets: npt.NDArray[np.int64]) -> tuple[F64, float]:
    """Probabilities [n, V] and the mean loss in nats."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    rows = np.arange(len(targets))
    return e / total, float(np.mean(np.log(total[:, 0]) - shifted[rows, targets]))


def _bf16(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Nearest, ties to even: the upper half of the bits of an f32."""
    bits = values.view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)).astype(np.uint16)


def _wide(bits: npt.NDArray[np.uint16]) -> F64:
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32).astype(np.float64)
