"""The yardstick: the same mathematics in NumPy and float64. Small sizes only.

With `P = softmax(h W^T + s u B^T)`, `u = h A^T`, and Y the one-hot targets of the step's N tokens:
`dB = s (P - Y)^T u / N` and `dA = s ((P - Y) B)^T h / N`. Neither h nor W needs a gradient.
"""

import numpy as np
import numpy.typing as npt

from runners.contract.jobs import BackendName
from runners.contract.lane import RecipeContract
from runners.contract.names import Label, as_label
from runners.contract.receipts import Device
from runners.training.adamw import AdamW
from runners.training.backend import AdapterWeights, Moments, Rows
from runners.training.hardware import cpu_name, memory_total_bytes, numpy_blas, set_numpy_threads
from runners.training.head import Head
from runners.training.steps import Placement, SteppingBackend, Work

F64 = npt.NDArray[np.float64]


class ReferenceBackend(SteppingBackend):
    name: BackendName = "reference"

    def __init__(self, *, threads: int, chunk_tokens: int) -> None:
        super().__init__(threads=threads, chunk_tokens=chunk_tokens)
        self._head: tuple[str, F64] | None = None

    def version(self) -> Label:
        return as_label(f"numpy@{np.__version__}")

    def device(self) -> Device:
        return Device(
            backend_label="open_adapter_backend.reference.cpu.gpt_oss_lm_head",
            kind="cpu",
            device_label="cpu:0",
            name=cpu_name(),
            memory_total_bytes=memory_total_bytes(),
            threads=set_numpy_threads(self.threads),
            blas=numpy_blas(),
            tf32=False,  # float64 throughout
        )

    def _place_head(self, head: Head) -> None:
        if self._head is None or self._head[0] != head.sha256:
            self._head = (head.sha256, head.weight_f32().astype(np.float64))

    def _place(self, work: Work) -> Placement:
        assert self._head is not None
        return ReferencePlacement(self._head[1], work, self.chunk_tokens)


class ReferencePlacement:
    """`W [V, d]` and the shard in float64; gradients by chunks of tokens."""

    def __init__(self, head: F64, work: Work, chunk_tokens: int) -> None:
        self._head, self._shard, self._scale, self._chunk_tokens = head, work.shard, work.scale, chunk_tokens
        start = work.weights((head.shape[0], head.shape[1]))
        self._a: F64 = start.a.astype(np.float64)
        self._b: F64 = start.b.astype(np.float64)
        self._adam = None if work.recipe is None else _moments(self._a, self._b, work, work.recipe)

    def warm_up(self, rows: Rows) -> None:
        self._gradients(rows)

    def step(self, rows: Rows) -> float:
        assert self._adam is not None
        loss, grad_a, grad_b = self._gradients(rows)
        self._a = self._adam[0].update(self._a, grad_a)
        self._b = self._adam[1].update(self._b, grad_b)
        return loss

    def summed_loss(self, rows: Rows) -> float:
        return sum(self._probabilities(part)[3] for part in self._chunks(rows))

    def state(self) -> tuple[AdapterWeights, Moments]:
        """Rounded to f32, and gone on with as rounded: a file of it holds no more."""
        assert self._adam is not None
        of_a, of_b = self._adam
        weights = AdapterWeights(self._a.astype(np.float32), self._b.astype(np.float32))
        moments = Moments(*(each.astype(np.float32) for each in (of_a.mean, of_a.square, of_b.mean, of_b.square)))
        self._a, self._b = weights.a.astype(np.float64), weights.b.astype(np.float64)
        of_a.mean, of_a.square = moments.mean_a.astype(np.float64), moments.square_a.astype(np.float64)
        of_b.mean, of_b.square = moments.mean_b.astype(np.float64), moments.square_b.astype(np.float64)
        return weights, moments

    def _chunks(self, rows: Rows) -> list[Rows]:
        return [rows[start : start + self._chunk_tokens] for start in range(0, len(rows), self._chunk_tokens)]

    def _probabilities(self, rows: Rows) -> tuple[F64, F64, F64, float]:
        """h [n, d], u [n, r], P [n, V] and the summed loss."""
        h = self._shard.hidden_f32(rows).astype(np.float64)
        u = h @ self._a.T
        logits = h @ self._head.T + self._scale * (u @ self._b.T)
        logits -= logits.max(axis=1, keepdims=True)
        target_logits = logits[np.arange(len(rows)), self._shard.targets[rows]]
        exponentials = np.exp(logits, out=logits)
        total = exponentials.sum(axis=1, keepdims=True)
        loss = float((np.log(total[:, 0]) - target_logits).sum())
        exponentials /= total
        return h, u, exponentials, loss

    def _gradients(self, rows: Rows) -> tuple[float, F64, F64]:
        """Mean loss, dA [r, d] and dB [V, r] of one step."""
        loss, grad_a, grad_b = 0.0, np.zeros_like(self._a), np.zeros_like(self._b)
        for part in self._chunks(rows):
            h, u, residual, part_loss = self._probabilities(part)
            residual[np.arange(len(part)), self._shard.targets[part]] -= 1.0  # P - Y; the one-hot is never formed
            residual *= self._scale / len(rows)
            grad_b += residual.T @ u
            grad_a += (residual @ self._b).T @ h
            loss += part_loss
        return loss / len(rows), grad_a, grad_b


def _moments(a: F64, b: F64, work: Work, recipe: RecipeContract) -> tuple[AdamW, AdamW]:
    kept = work.moments
    if kept is None:
        starts = [np.zeros_like(each) for each in (a, a, b, b)]
    else:
        starts = [each.astype(np.float64) for each in (kept.mean_a, kept.square_a, kept.mean_b, kept.square_b)]
    return (
        AdamW(starts[0], starts[1], work.steps_done, recipe, np.sqrt),
        AdamW(starts[2], starts[3], work.steps_done, recipe, np.sqrt),
    )
