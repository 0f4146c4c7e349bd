"""Base logits `h W^T` of a chunk, computed, or remembered from an epoch before: neither factor ever changes."""

import torch
from torch import Tensor

from runners.training.torch_head import TorchHead
from runners.training.torch_softmax import BlockLogits
from runners.training.torch_threads import OwnTensor


class ComputedLogits:
    """A product for every chunk."""

    def __init__(self, head: TorchHead) -> None:
        self._head = head

    def of(self, rows: Tensor, h: Tensor) -> BlockLogits:
        """`rows` of the shard [n], whose hidden states are h [n, d] in f32."""
        del rows
        return lambda index: self._head.block_product(h, index)


class RememberedLogits:
    """Each row's logits are kept when they are first computed, `[N, rows]` of one block after the other, in f32, so
    a later epoch costs no product.

    The product gives a row the same bits whatever other rows are beside it (tested), so remembering changes no result.
    """

    def __init__(self, head: TorchHead, tokens: int) -> None:
        self._computed = ComputedLogits(head)
        self._kept = head.tiles(tokens)
        self._known = torch.zeros(tokens, dtype=torch.bool)
        self._own = OwnTensor(tokens * head.block_rows)

    def of(self, rows: Tensor, h: Tensor) -> BlockLogits:
        if bool(self._known[rows].all()):
            return lambda index: self._copy(index, rows)
        compute, done = self._computed.of(rows, h), []

        def compute_and_keep(index: int) -> Tensor:
            piece = compute(index)
            self._kept[index].index_copy_(0, rows, piece)
            done.append(index)
            if len(done) == len(self._kept):
                self._known[rows] = True
            return piece

        return compute_and_keep

    def _copy(self, index: int, rows: Tensor) -> Tensor:
        kept = self._kept[index]
        shape = (len(rows), kept.shape[1])
        return torch.index_select(kept, 0, rows, out=self._own.values[: shape[0] * shape[1]].view(shape))
