"""exp of the logits of one chunk of tokens, block by block over the vocabulary, in one pass.

With `L = h W^T + s u B^T`, each block is taken against its own row maximum m_b, so no block waits for another one.
With m the maximum of all, `Z = sum_b exp(m_b - m) sum_j E_bj` and `G = sum_b exp(m_b - m) E_b B_b`. What rescales a
block later lies in a factor of rank r, and [n, V] is written once and read once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from runners.training.torch_head import f32_product
from runners.training.torch_threads import BlockThreads

LOG2_E = float(np.float32(np.log2(np.e)))  # as f32 has it: whoever goes back takes the same one
BlockLogits = Callable[[int], Tensor]  # of a block by its number: h W_block^T [n, rows], to be written to


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


def combine(tops: Tensor, sums: Tensor, products: Tensor, power: Callable[[Tensor], Tensor] = torch.exp) -> Combined:
    """From m_b and Z_b [n, blocks], and E_b B_b [n, blocks, r]; `power` is the one that E_b was made with."""
    top = tops.amax(dim=1)
    decay = power(tops - top[:, None])
    return Combined(decay, top, (sums * decay).sum(dim=1), (products * decay[:, :, None]).sum(dim=1))


class BlockedSoftmax:
    """By torch's own operations, on any device, in powers of two: MKL's exp takes five times as long as exp2, which
    isn't MKL's, on a processor of another maker. `exponentials`, [n, rows] of each block, are filled; without them
    there is no gradient."""

    def __init__(
        self,
        logits: BlockLogits,
        threads: BlockThreads,
        scaled_u: Tensor,
        b: Tensor,
        block_rows: int,
        exponentials: Sequence[Tensor] | None,
    ) -> None:
        self._threads, self._block_rows, self._exponentials = threads, block_rows, exponentials
        self._product = f32_product(b.device)
        blocks = torch.split(b, block_rows)
        tops, sums = (b.new_empty((len(blocks), len(scaled_u))) for _ in range(2))
        products = b.new_empty((len(blocks), *scaled_u.shape))

        def fill(index: int) -> None:
            piece, of_b = logits(index), blocks[index]
            piece.addmm_(scaled_u, of_b.T)
            top = piece.amax(dim=1).mul_(LOG2_E)
            torch.add(-top[:, None], piece, alpha=LOG2_E, out=piece)  # rounded once
            e = torch.exp2(piece, out=piece if exponentials is None else exponentials[index])
            tops[index], sums[index], products[index] = top, e.sum(dim=1), self._product(e, of_b.T)

        threads.each(len(blocks), fill)
        combined = combine(tops.T, sums.T, products.transpose(0, 1), torch.exp2)
        self._decay, self.top = combined.decay, combined.top.double() / LOG2_E
        self.total, self.weighted = combined.total, combined.weighted

    def add_gradient(self, grad_b: Tensor, factor: Tensor) -> None:
        assert self._exponentials is not None
        exponentials, blocks = self._exponentials, torch.split(grad_b, self._block_rows)

        def add(index: int) -> None:
            of_block = (factor * self._decay[:, index, None]).T.contiguous()
            blocks[index].add_(self._product(of_block, exponentials[index].T).T)

        self._threads.each(len(blocks), add)
