"""Base logits `h W^T` of a chunk, computed, or remembered from an epoch before: neither factor ever changes."""

import torch
from torch import Tensor

from runners.training.torch_head import TorchHead
from runners.training.torch_softmax import BlockLogits


class ComputedLogits:
    """A product for every chunk."""

    def __init__(self, head: TorchHead) -> None:
        self._head = head

    def of(self, rows: Tensor, h: Tensor) -> BlockLogits:
        """`rows` of the shard [n], whose hidden states are h [n, d] in f32."""
        del rows
        return lambda block: self._head.block_product(h, block)


class RememberedLogits:
    """Each row's logits are kept when they are first computed: `[N, V]` in f32, so a later epoch costs no product.

    The product gives a row the same bits whatever other rows are beside it (tested), so remembering changes no result.
    """

    def __init__(self, head: TorchHead, tokens: int) -> None:
        self._computed = ComputedLogits(head)
        self._kept = torch.empty((tokens, head.vocab_size))  # pages are taken as they are written
        self._known = torch.zeros(tokens, dtype=torch.bool)
        self._last_block_end = head.vocab_size

    def of(self, rows: Tensor, h: Tensor) -> BlockLogits:
        if bool(self._known[rows].all()):
            return lambda block: self._kept[:, block].index_select(0, rows)
        compute = self._computed.of(rows, h)

        def compute_and_keep(block: slice) -> Tensor:
            piece = compute(block)
            self._kept[:, block].index_copy_(0, rows, piece)
            if block.stop == self._last_block_end:
                self._known[rows] = True
            return piece

        return compute_and_keep
