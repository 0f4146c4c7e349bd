"""exp of the logits of one chunk of tokens, block by block over the vocabulary, in one pass.

With `L = h W^T + s u B^T`, each block is taken against its own row maximum m_b, so no block waits for the next one.
With m the maximum of all, `Z = sum_b exp(m_b - m) sum_j E_bj` and `G = sum_b exp(m_b - m) E_b B_b`. What rescales a
block later lies in a factor of rank r, and [n, V] is written once and read once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

Blocks = tuple[slice, ...]
BlockLogits = Callable[[slice], Tensor]  # h W_block^T [n, rows], to be written to


class ChunkSoftmax(Protocol):
    """What a loss and both gradients need of softmax(L)."""

    @property
    def top(self) -> Tensor:
        """m [n]"""
        ...

    @property
    def total(self) -> Tensor:
        """Z [n], relative to m"""
        ...

    @property
    def weighted(self) -> Tensor:
        """G [n, r], relative to m"""
        ...

    def add_gradient(self, grad_b: Tensor, factor: Tensor) -> None:
        """`grad_b [V, r] += sum_i exp(L_i - m_i)^T factor_i`, with factor [n, r]."""
        ...


@dataclass(frozen=True, eq=False)
class Combined:
    """The blocks' maxima, sums and products with B, as one row each."""

    decay: Tensor  # exp(m_b - m) [n, blocks]
    top: Tensor
    total: Tensor
    weighted: Tensor


def combine(tops: Tensor, sums: Tensor, products: Tensor) -> Combined:
    """From m_b and Z_b [n, blocks], and E_b B_b [n, blocks, r]."""
    top = tops.amax(dim=1)
    decay = (tops - top[:, None]).exp_()
    return Combined(decay, top, (sums * decay).sum(dim=1), (products * decay[:, :, None]).sum(dim=1))


class BlockedSoftmax:
    """By torch's own operations, on any device. `exponentials` [n, V] is filled."""

    def __init__(self, logits: BlockLogits, blocks: Blocks, scaled_u: Tensor, b: Tensor, exponentials: Tensor) -> None:
        self._blocks, self._exponentials = blocks, exponentials
        tops, sums, products = [], [], []
        for block in blocks:
            piece, e = logits(block), exponentials[:, block]
            piece.addmm_(scaled_u, b[block].T)
            top = piece.amax(dim=1, keepdim=True)
            torch.sub(piece, top, out=e).exp_()
            tops.append(top)
            sums.append(e.sum(dim=1, keepdim=True))
            products.append(e @ b[block])
        combined = combine(torch.cat(tops, 1), torch.cat(sums, 1), torch.stack(products, 1))
        self._decay, self.top = combined.decay, combined.top
        self.total, self.weighted = combined.total, combined.weighted

    def add_gradient(self, grad_b: Tensor, factor: Tensor) -> None:
        for index, block in enumerate(self._blocks):
            grad_b[block].addmm_(self._exponentials[:, block].T, factor * self._decay[:, index, None])
