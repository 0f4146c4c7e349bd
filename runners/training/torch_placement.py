"""One step in torch, with gradients by hand: no autograd graph, one large product.

With `u = h A^T`, P the softmax and Y the one-hot targets of the step's N tokens: `dB = s (P - Y)^T u / N` and
`dA = s (G / (N Z) - B[y] / N)^T h`. The one-hot is never formed, and nothing depends on the order of atomics.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from runners.contract.lane import RecipeContract
from runners.training.adamw import AdamW
from runners.training.backend import AdapterWeights, Moments, Rows
from runners.training.memory import BASE_LOGITS_BYTES
from runners.training.steps import Work
from runners.training.torch_head import TorchHead, to_device
from runners.training.torch_logits import ComputedLogits, RememberedLogits
from runners.training.torch_softmax import BlockedSoftmax, ChunkSoftmax

Kernels = Callable[[Tensor, Tensor, Tensor], ChunkSoftmax]  # of logits, s u and B, none of which is written to


@dataclass(frozen=True, eq=False)
class Chunk:
    """n tokens of a step."""

    h: Tensor  # [n, d] in f32
    u: Tensor  # h A^T [n, r]
    targets: Tensor  # y [n]
    softmax: ChunkSoftmax


class TorchPlacement:
    """Adapter and moments in f32 on the device; the shard in the dtype that it was captured in."""

    def __init__(
        self, head: TorchHead, work: Work, chunk_tokens: int, logits: ComputedLogits | RememberedLogits
    ) -> None:
        device = head.device
        self._head, self._logits, self._scale, self._chunk_tokens = head, logits, work.scale, chunk_tokens
        self._hidden = to_device(work.shard.hidden, device)
        self._targets = torch.from_numpy(work.shard.targets.astype(np.int64)).to(device)
        start = work.weights((head.vocab_size, head.hidden_size))
        self._a = torch.tensor(start.a, device=device)  # copies: the job's own start never moves
        self._b = torch.tensor(start.b, device=device)
        self._kernels = _kernels(device, self._b.shape[1])
        self._adam = None if work.recipe is None else _moments(self._a, self._b, work, work.recipe)

    def warm_up(self, rows: Rows) -> None:
        self._gradients(rows)

    def step(self, rows: Rows) -> float:
        assert self._adam is not None
        summed_loss, grad_a, grad_b = self._gradients(rows)
        self._a = self._adam[0].update(self._a, grad_a)
        self._b = self._adam[1].update(self._b, grad_b)
        return float(summed_loss) / len(rows)  # read last: a device works on while it is told what comes next

    def summed_loss(self, rows: Rows) -> float:
        buffer = self._buffer(rows)
        return sum(float(self._summed_loss(self._chunk(part, buffer))) for part in self._parts(rows))

    def state(self) -> tuple[AdapterWeights, Moments]:
        assert self._adam is not None
        of_a, of_b = self._adam
        moments = Moments(*(_to_host(each) for each in (of_a.mean, of_a.square, of_b.mean, of_b.square)))
        return AdapterWeights(_to_host(self._a), _to_host(self._b)), moments

    def _parts(self, rows: Rows) -> tuple[Tensor, ...]:
        return torch.split(torch.from_numpy(rows).to(self._head.device), self._chunk_tokens)

    def _buffer(self, rows: Rows) -> Tensor | None:
        """For exponentials [n, V]. On CUDA they take the place of the product's own result, or aren't kept."""
        if self._head.device.type == "cuda":
            return None
        return torch.empty((min(self._chunk_tokens, len(rows)), self._head.vocab_size))

    def _gradients(self, rows: Rows) -> tuple[Tensor, Tensor, Tensor]:
        """Summed loss, dA [r, d] and dB [V, r] of one step. The buffer is gone when the moments are updated."""
        grad_a, grad_b = torch.zeros_like(self._a), torch.zeros_like(self._b)
        buffer, losses = self._buffer(rows), []
        for part in self._parts(rows):
            chunk = self._chunk(part, buffer)
            self._add_gradients(chunk, self._scale / len(rows), grad_a, grad_b)
            losses.append(self._summed_loss(chunk))
            del chunk  # or the logits of two would be alive while the second's are made
        return torch.stack(losses).sum(), grad_a, grad_b

    def _chunk(self, rows: Tensor, buffer: Tensor | None) -> Chunk:
        captured, targets = self._hidden[rows], self._targets[rows]
        h = captured.float()
        u = h @ self._a.T
        return Chunk(h, u, targets, self._softmax(rows, captured, h, u * self._scale, buffer))

    def _softmax(
        self, rows: Tensor, captured: Tensor, h: Tensor, scaled_u: Tensor, buffer: Tensor | None
    ) -> ChunkSoftmax:
        head = self._head
        if buffer is not None:
            return BlockedSoftmax(self._logits.of(rows, h), head.blocks, scaled_u, self._b, buffer[: len(rows)])
        logits = head.product(captured)
        if self._kernels is not None:
            return self._kernels(logits, scaled_u, self._b)
        return BlockedSoftmax(lambda block: logits[:, block], head.blocks, scaled_u, self._b, logits)

    def _summed_loss(self, chunk: Chunk) -> Tensor:
        """`sum log Z + m - L[y]` in f64; the targets' own logits are a product of their own, of n rows of W."""
        of_base = (chunk.h.double() * self._head.rows(chunk.targets)).sum(dim=1)
        of_adapter = (chunk.u.double() * self._b[chunk.targets].double()).sum(dim=1)
        soft = chunk.softmax
        return (soft.total.double().log() + soft.top.double() - of_base - self._scale * of_adapter).sum()

    def _add_gradients(self, chunk: Chunk, share: float, grad_a: Tensor, grad_b: Tensor) -> None:
        """`share` = s / N."""
        soft, targets = chunk.softmax, chunk.targets
        soft.add_gradient(grad_b, chunk.u * (share / soft.total)[:, None])
        # Targets repeat: a small product sums what belongs to one row of B. Each of them then writes what the first one
        # would, so the order of the writes is nothing; to count the words would make the processor wait for the device.
        same = (targets[:, None] == targets).float()
        summed = (same @ (chunk.u * share))[same.argmax(dim=1)]
        grad_b[targets] = grad_b[targets] - summed
        residual = soft.weighted * (share / soft.total)[:, None] - self._b[targets] * share
        grad_a.addmm_(residual.T, chunk.h)


def _moments(a: Tensor, b: Tensor, work: Work, recipe: RecipeContract) -> tuple[AdamW, AdamW]:
    """Not torch.optim: making one imports torch's compiler, which takes as long as importing torch."""
    kept = work.moments
    if kept is None:
        starts = [torch.zeros_like(each) for each in (a, a, b, b)]
    else:
        starts = [
            torch.tensor(each, device=a.device) for each in (kept.mean_a, kept.square_a, kept.mean_b, kept.square_b)
        ]
    return (
        AdamW(starts[0], starts[1], work.steps_done, recipe, torch.sqrt),
        AdamW(starts[2], starts[3], work.steps_done, recipe, torch.sqrt),
    )


def _to_host(values: Tensor) -> npt.NDArray[np.float32]:
    copy: npt.NDArray[np.float32] = values.cpu().numpy().copy()
    return copy


def kernel_sizes(device: torch.device) -> dict[str, int]:
    """Of whatever does the softmax there, by name: the bits hang on them."""
    if device.type != "cuda":
        return {"base_logits_bytes": BASE_LOGITS_BYTES}
    found = _triton_softmax()
    return {} if found is None else dict(found.SIZES)


def _kernels(device: torch.device, rank: int) -> Kernels | None:
    found = _triton_softmax() if device.type == "cuda" else None
    return None if found is None or rank > found.MOST_RANK else cast("Kernels", found.TritonSoftmax)


def _triton_softmax() -> ModuleType | None:
    """For CUDA, where Triton is: torch's wheels for it on Linux bring it. Raises BackendUnavailable."""
    try:
        from runners.training import triton_softmax
    except ImportError:
        return None
    triton_softmax.require_launcher()
    return triton_softmax
