"""One step in torch, with gradients by hand: no autograd graph, one large product.

With `u = h A^T`, P the softmax and Y the one-hot targets of the step's N tokens: `dB = s (P - Y)^T u / N` and
`dA = s (G / (N Z) - B[y] / N)^T h`. The one-hot is never formed, and nothing depends on the order of atomics.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from runners.contract.lane import RecipeContract
from runners.training.adamw import AdamW
from runners.training.backend import AdapterWeights, Rows
from runners.training.steps import Work
from runners.training.torch_head import TorchHead, to_device
from runners.training.torch_logits import ComputedLogits, RememberedLogits
from runners.training.torch_softmax import BlockedSoftmax, ChunkSoftmax

Kernels = Callable[[Tensor, Tensor, Tensor], ChunkSoftmax]  # of logits (written over), s u and B


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
        self._kernels = _kernels(device)
        self._hidden = to_device(work.shard.hidden, device)
        self._targets = torch.from_numpy(work.shard.targets.astype(np.int64)).to(device)
        start = work.weights((head.vocab_size, head.hidden_size))
        self._a = torch.tensor(start.a, device=device)  # copies: the job's own start never moves
        self._b = torch.tensor(start.b, device=device)
        self._adam = None if work.recipe is None else _moments(self._a, self._b, work.recipe)

    def warm_up(self, rows: Rows) -> None:
        self._gradients(rows)

    def step(self, rows: Rows) -> float:
        assert self._adam is not None
        loss, grad_a, grad_b = self._gradients(rows)
        self._a = self._adam[0].update(self._a, grad_a)
        self._b = self._adam[1].update(self._b, grad_b)
        return loss

    def summed_loss(self, rows: Rows) -> float:
        buffer = self._buffer(rows)
        return sum(float(self._summed_loss(self._chunk(part, buffer))) for part in self._parts(rows))

    def weights(self) -> AdapterWeights:
        return AdapterWeights(self._a.cpu().numpy().copy(), self._b.cpu().numpy().copy())

    def _parts(self, rows: Rows) -> tuple[Tensor, ...]:
        return torch.split(torch.from_numpy(rows).to(self._head.device), self._chunk_tokens)

    def _buffer(self, rows: Rows) -> Tensor | None:
        """For exponentials [n, V]. On CUDA they take the place of the product's own result."""
        if self._head.device.type == "cuda":
            return None
        return torch.empty((min(self._chunk_tokens, len(rows)), self._head.vocab_size))

    def _gradients(self, rows: Rows) -> tuple[float, Tensor, Tensor]:
        """Mean loss, dA [r, d] and dB [V, r] of one step. The buffer is gone when the moments are updated."""
        grad_a, grad_b = torch.zeros_like(self._a), torch.zeros_like(self._b)
        buffer, losses = self._buffer(rows), []
        for part in self._parts(rows):
            chunk = self._chunk(part, buffer)
            self._add_gradients(chunk, self._scale / len(rows), grad_a, grad_b)
            losses.append(self._summed_loss(chunk))
        return float(torch.stack(losses).sum()) / len(rows), grad_a, grad_b

    def _chunk(self, rows: Tensor, buffer: Tensor | None) -> Chunk:
        h = self._hidden[rows].float()
        u = h @ self._a.T
        return Chunk(h, u, self._targets[rows], self._softmax(rows, h, u * self._scale, buffer))

    def _softmax(self, rows: Tensor, h: Tensor, scaled_u: Tensor, buffer: Tensor | None) -> ChunkSoftmax:
        head = self._head
        if buffer is not None:
            return BlockedSoftmax(self._logits.of(rows, h), head.blocks, scaled_u, self._b, buffer[: len(rows)])
        logits = head.product(self._hidden[rows])
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
        # Targets repeat: a small product sums what belongs to one row of B, so that each row is written once.
        rows_of_b, row_of = torch.unique(targets, return_inverse=True)
        same = (torch.arange(len(rows_of_b), device=targets.device)[:, None] == row_of).float()
        grad_b[rows_of_b] -= same @ (chunk.u * share)
        residual = soft.weighted * (share / soft.total)[:, None] - self._b[targets] * share
        grad_a.addmm_(residual.T, chunk.h)


def _moments(a: Tensor, b: Tensor, recipe: RecipeContract) -> tuple[AdamW, AdamW]:
    """Not torch.optim: making one imports torch's compiler, which takes as long as importing torch."""
    return AdamW(torch.zeros_like(a), recipe, torch.sqrt), AdamW(torch.zeros_like(b), recipe, torch.sqrt)


def _kernels(device: torch.device) -> Kernels | None:
    """Triton's, where it is there and compiles for this device: torch's wheels for CUDA on Linux bring it."""
    if device.type != "cuda":
        return None
    try:
        from runners.training.triton_softmax import TritonSoftmax
    except ImportError:
        return None
    return TritonSoftmax
