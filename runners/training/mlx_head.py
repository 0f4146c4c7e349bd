"""W in MLX by blocks of the vocabulary, and their products with hidden states: an f32 result of exact factors.

A product of two bf16 arrays would be bf16, so a block of a bf16 head is cast while it is multiplied, which is exact.
"""

from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from runners.training.head import Head
from runners.training.memory import F32_HEAD_BYTES
from runners.training.system_blas import reference_blas

BLOCK_ROWS = 1024  # rows of W per product on the processor; a sum over more of them in one run loses digits there
METAL_BLOCK_ROWS = 8192  # 94 MB of a cast at d = 2880; each block is waited for, so few of them


class MlxHead:
    """W as it was read, in that very memory where it is MLX's; a small one in f32, each block as `[d, rows]`."""

    def __init__(self, head: Head) -> None:
        self.vocab_size, self.hidden_size = head.vocab_size, head.hidden_size
        rows = block_rows()
        starts = range(0, head.vocab_size, rows)
        self.blocks = tuple(slice(start, min(start + rows, head.vocab_size)) for start in starts)
        self._turns = reference_blas()  # which likes its factors untransposed: 1.9 x, and 1.05 x with the copy
        self._whole = to_mlx(head.weight)
        small = head.vocab_size * head.hidden_size * 4 <= F32_HEAD_BYTES
        self._kept = [mx.contiguous(self._whole[block].T).astype(mx.float32) for block in self.blocks] if small else []
        mx.eval(self._kept)

    def product(self, h: mx.array, index: int) -> mx.array:
        """`h W_block^T [n, rows]`; h in f32."""
        if self._kept:
            return h @ self._kept[index]
        weight = self._whole[self.blocks[index]]
        if self._turns:
            return h @ mx.contiguous(weight.T).astype(mx.float32)
        return h @ weight.astype(mx.float32).T


def block_rows() -> int:
    return METAL_BLOCK_ROWS if mx.default_device().type == mx.gpu else BLOCK_ROWS


def shared_memory(shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """NumPy's view of an array of MLX. What is written there before `to_mlx` needs no second memory."""
    values = mx.zeros(shape, mx.uint16 if dtype == np.uint16 else mx.float32)
    mx.eval(values)
    return np.array(values, copy=False)


def to_mlx(values: npt.NDArray[Any]) -> mx.array:
    """f32, or bf16 whose bits NumPy holds as uint16. Copied, except a whole view of `shared_memory`."""
    array = getattr(values.base, "obj", None)  # of the memoryview that such a view rests on
    if not (isinstance(array, mx.array) and array.shape == values.shape and values.flags.c_contiguous):
        array = mx.array(values)
    return array.view(mx.bfloat16) if values.dtype == np.uint16 else array
