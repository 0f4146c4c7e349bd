"""W on a torch device, and its product with hidden states: exact factors, an f32 accumulator, an f32 result.

A bf16 head stays bf16. On CUDA two bf16 factors go to the library as they are (`out_dtype`); on the processor a block
of W is cast while it passes through the cache, which is exact.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from runners.training.head import Head
from runners.training.memory import F32_HEAD_BYTES
from runners.training.torch_threads import OwnTensor

# Rows of W whose logits one thread of the processor makes and works on. With a power of two of them, those of one word
# would lie in the same sets of its cache: a gradient took half as long again.
BLOCK_ROWS = 2816
CAST_ROWS = 256  # of those, cast to f32 at once

Product = Callable[[Tensor, Tensor], Tensor]  # h [n, d], W [rows, d] -> h W^T [n, rows]


class TorchHead:
    """W [V, d]. On the processor it shares the memory of the NumPy array that was read."""

    def __init__(self, head: Head, device: torch.device) -> None:
        self.vocab_size, self.hidden_size, self.device = head.vocab_size, head.hidden_size, device
        weight = to_device(head.weight, device)
        small = head.vocab_size * head.hidden_size * 4 <= F32_HEAD_BYTES
        self.weight = weight.float() if small and device.type == "cpu" else weight
        self.block_rows = min(BLOCK_ROWS, self.vocab_size)
        self.blocks = torch.split(self.weight, self.block_rows)
        casts = device.type == "cpu" and self.weight.dtype != torch.float32
        self._cast = OwnTensor(CAST_ROWS, self.hidden_size) if casts else None

    def tiles(self, tokens: int) -> tuple[Tensor, ...]:
        """Memory for `[tokens, rows]` of each block, one after the other; pages are taken as they are written."""
        flat = torch.empty(tokens * self.vocab_size)
        return tuple(part.view(tokens, -1) for part in torch.split(flat, tokens * self.block_rows))

    def block_product(self, h: Tensor, index: int) -> Tensor:
        """`h W_block^T [n, rows]` in a tensor of its own; h in f32."""
        multiply, block = f32_product(self.device), self.blocks[index]
        if self._cast is None:
            return multiply(h, block.float())
        logits = h.new_empty((len(h), len(block)))
        for rows, columns in zip(torch.split(block, CAST_ROWS), torch.split(logits, CAST_ROWS, dim=1), strict=True):
            columns.copy_(multiply(h, self._cast.values[: len(rows)].copy_(rows)))
        return logits

    def product(self, h: Tensor) -> Tensor:
        """`h W^T [n, V]` by the device's library; h in the dtype that it was captured in. For CUDA."""
        if h.dtype == self.weight.dtype == torch.bfloat16:
            return torch.mm(h, self.weight.T, out_dtype=torch.float32)
        if self.weight.dtype == torch.float32:
            return h.float() @ self.weight.T
        parts = [self.block_product(h.float(), index) for index in range(len(self.blocks))]
        return torch.cat(parts, dim=1)

    def rows(self, targets: Tensor) -> Tensor:
        """W's rows of these ids, `[n, d]` in f64."""
        return self.weight[targets].double()


def f32_product(device: torch.device) -> Product:
    """oneDNN's where torch has it: on processors that aren't of MKL's maker it is more than twice as fast."""
    return _onednn_product if device.type == "cpu" and has_onednn() else _own_product


def _own_product(h: Tensor, weight: Tensor) -> Tensor:
    return h @ weight.T


def _onednn_product(h: Tensor, weight: Tensor) -> Tensor:
    """A row gets the same bits whatever rows are beside it; alone it would not, so a single one gets company."""
    rows = h if len(h) > 1 else h.repeat(2, 1)
    product = cast("Tensor", torch.ops.mkldnn._linear_pointwise(rows, weight, None, "none", [], ""))
    return product[: len(h)]


@cache
def has_onednn() -> bool:
    return torch._C._has_mkldnn and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def to_device(values: npt.NDArray[Any], device: torch.device) -> Tensor:
    """f32, or bf16 whose bits NumPy holds as uint16. On the processor nothing is copied: never write to it."""
    bits = torch.from_numpy(values.view(np.int16)).view(torch.bfloat16) if values.dtype == np.uint16 else None
    return (torch.from_numpy(values) if bits is None else bits).to(device)
