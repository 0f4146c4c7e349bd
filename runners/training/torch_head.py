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

BLOCK_ROWS = 1024  # rows of W per product on the processor: cast, product and softmax stay in its cache

Product = Callable[[Tensor, Tensor], Tensor]  # h [n, d], W [rows, d] -> h W^T [n, rows]


class TorchHead:
    """W [V, d]. On the processor it shares the memory of the NumPy array that was read."""

    def __init__(self, head: Head, device: torch.device) -> None:
        self.vocab_size, self.hidden_size, self.device = head.vocab_size, head.hidden_size, device
        weight = to_device(head.weight, device)
        small = head.vocab_size * head.hidden_size * 4 <= F32_HEAD_BYTES
        self.weight = weight.float() if small and device.type == "cpu" else weight
        starts = range(0, self.vocab_size, BLOCK_ROWS)
        self.blocks = tuple(slice(start, min(start + BLOCK_ROWS, self.vocab_size)) for start in starts)
        casts = device.type == "cpu" and self.weight.dtype != torch.float32
        self._cast = torch.empty((BLOCK_ROWS, self.hidden_size)) if casts else None

    def block_product(self, h: Tensor, block: slice) -> Tensor:
        """`h W_block^T [n, rows]` in a tensor of its own; h in f32."""
        return f32_product()(h, self._block(block)) if self.device.type == "cpu" else h @ self._block(block).T

    def product(self, h: Tensor) -> Tensor:
        """`h W^T [n, V]` by the device's library; h in the dtype that it was captured in. For CUDA."""
        if h.dtype == self.weight.dtype == torch.bfloat16:
            return torch.mm(h, self.weight.T, out_dtype=torch.float32)
        if self.weight.dtype == torch.float32:
            return h.float() @ self.weight.T
        parts = [self.block_product(h.float(), block) for block in self.blocks]
        return torch.cat(parts, dim=1)

    def rows(self, targets: Tensor) -> Tensor:
        """W's rows of these ids, `[n, d]` in f64."""
        return self.weight[targets].double()

    def _block(self, block: slice) -> Tensor:
        rows = self.weight[block]
        if self._cast is None:
            return rows.float()
        return self._cast[: len(rows)].copy_(rows)


@cache
def f32_product() -> Product:
    """oneDNN's where torch has it: on processors that aren't of MKL's maker it is more than twice as fast."""
    return _onednn_product if has_onednn() else lambda h, weight: h @ weight.T


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
