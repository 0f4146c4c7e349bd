"""W in MLX by blocks of the vocabulary, and their products with hidden states: an f32 result of exact factors.

A product of two bf16 arrays would be bf16, so a block of a bf16 head is cast while it is multiplied, which is exact.
"""

from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from runners.training.head import Head
from runners.training.memory import F32_HEAD_BYTES

BLOCK_ROWS = 1024  # rows of W per product on the processor; a sum over more of them in one run loses digits there
METAL_BLOCK_ROWS = 8192  # 94 MB of a cast at d = 2880; each block is waited for, so few of them


class MlxHead:
    """W on the device, each block as `[d, rows]`: MLX's CPU product likes its factors untransposed (1.6 x)."""

    def __init__(self, head: Head) -> None:
        self.vocab_size, self.hidden_size = head.vocab_size, head.hidden_size
        small = head.vocab_size * head.hidden_size * 4 <= F32_HEAD_BYTES
        rows = block_rows()
        starts = range(0, head.vocab_size, rows)
        self.blocks = tuple(slice(start, min(start + rows, head.vocab_size)) for start in starts)
        self._weights = []
        for block in self.blocks:
            weight = to_mlx(np.ascontiguousarray(head.weight[block].T))
            self._weights.append(weight.astype(mx.float32) if small else weight)
            mx.eval(self._weights[-1])

    def product(self, h: mx.array, index: int) -> mx.array:
        """`h W_block^T [n, rows]`; h in f32."""
        return h @ self._weights[index].astype(mx.float32)


def block_rows() -> int:
    return METAL_BLOCK_ROWS if mx.default_device().type == mx.gpu else BLOCK_ROWS


def to_mlx(values: npt.NDArray[Any]) -> mx.array:
    """f32, or bf16 whose bits NumPy holds as uint16."""
    return mx.array(values).view(mx.bfloat16) if values.dtype == np.uint16 else mx.array(values)
