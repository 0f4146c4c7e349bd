"""MXFP4, the format of gpt-oss's experts (OCP Microscaling Formats 1.0): 32 values share one power of two.

`blocks [E, out, groups, 16]` U8, two 4-bit values a byte, the low half first; `scales [E, out, groups]` U8, the
exponent plus 127. A value is sign, two bits of exponent, one of mantissa. Every product is exact in f32, and in bf16.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from runners.training.errors import CheckpointError

Bytes = npt.NDArray[np.uint8]
VALUES = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6], np.float32)
NOT_A_NUMBER = 255
# Both values of a byte as one 8-byte item, so that a whole byte is looked up at once.
PAIRS: npt.NDArray[Any] = np.stack([VALUES[np.arange(256) & 15], VALUES[np.arange(256) >> 4]], axis=1).view(np.uint64)[
    :, 0
]


def expert_shape(blocks: tuple[int, ...]) -> tuple[int, int, int]:
    """(E, in, out) of the weights that such blocks hold."""
    experts, rows, groups, half = blocks
    return experts, groups * half * 2, rows


def require_groups(blocks: tuple[int, ...], scales: tuple[int, ...], *, name: str) -> None:
    """Do scales belong to blocks? Raises CheckpointError."""
    if len(blocks) != 4 or blocks[3] != 16 or scales != blocks[:3]:
        raise CheckpointError(
            f"{name}: expected blocks [E, out, groups, 16] with scales [E, out, groups], got {list(blocks)} with"
            f" {list(scales)}"
        )


def dequantise(blocks: Bytes, scales: Bytes, *, name: str) -> npt.NDArray[np.float32]:
    """The experts as transformers lays them out: `[E, in, out]` f32. Raises CheckpointError."""
    require_groups(blocks.shape, scales.shape, name=name)
    if np.any(scales == NOT_A_NUMBER):
        raise CheckpointError(f"{name}: expected scales below 255, got one that stands for NaN")
    out = np.empty(expert_shape(blocks.shape), np.float32)
    for expert in range(blocks.shape[0]):  # one at a time: the unpacked copy is as large as the result
        out[expert] = _rows(blocks[expert], scales[expert]).T
    return out


def _rows(blocks: Bytes, scales: Bytes) -> npt.NDArray[np.float32]:
    """`[out, in]` of one expert."""
    values = PAIRS[blocks].view(np.float32)  # [out, groups, 32]
    values *= np.ldexp(np.float32(1), scales.astype(np.int32) - 127)[..., None]
    return values.reshape(blocks.shape[0], -1)
