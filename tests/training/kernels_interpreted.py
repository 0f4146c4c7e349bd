"""Triton's kernels by its interpreter: `TRITON_INTERPRET=1 python -m tests.training.kernels_interpreted`."""

import os

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor

from runners.training.triton_softmax import PRECISION, TritonSoftmax, _logits_tile
from tests.training.softmax_problems import SHAPES, expect_whole_rows, problem

VOCABULARY, TOKENS = 201_088, 16_384  # 3.3e9 logits: their places don't fit into 32 bits


@triton.jit  # type: ignore[untyped-decorator]
def _one_tile(logits, got, first, tokens, vocabulary, PRECISION: tl.constexpr):  # type: ignore[no-untyped-def]
    rows, columns = first + tl.arange(0, 16), vocabulary - 16 + tl.arange(0, 16)
    nothing = tl.zeros((16, 16), dtype=tl.float32)
    tile = _logits_tile(logits, rows, columns, nothing, nothing, tokens, vocabulary, PRECISION)
    tl.store(got + tl.arange(0, 16)[:, None] * 16 + tl.arange(0, 16)[None, :], tile)


def last_tile() -> tuple[Tensor, Tensor]:
    """The last 16 tokens and words of a chunk that has more logits than 2^31, and what is read there. Pages that are
    never written take no memory."""
    logits = torch.from_numpy(np.zeros((TOKENS, VOCABULARY), np.float32))
    logits[-16:, -16:] = torch.arange(256.0).reshape(16, 16) + 1
    got = torch.empty((16, 16))
    _one_tile[(1,)](logits, got, TOKENS - 16, TOKENS, VOCABULARY, PRECISION=PRECISION)
    return logits[-16:, -16:].clone(), got


def main() -> None:
    assert os.environ.get("TRITON_INTERPRET") == "1", "set TRITON_INTERPRET=1 before Triton is imported"
    for shape in SHAPES:
        logits, scaled_u, b = problem(*shape)
        expect_whole_rows(TritonSoftmax(logits.clone(), scaled_u, b), logits, scaled_u, b)
    print("shapes", len(SHAPES))
    logits, scaled_u, b = problem(*SHAPES[-1])
    gradients = []
    for _ in range(2):
        gradient = torch.zeros_like(b)
        TritonSoftmax(logits.clone(), scaled_u, b).add_gradient(gradient, scaled_u)
        gradients.append(gradient)
    print("repeated", "same" if torch.equal(*gradients) else "other")
    print("far", "found" if torch.equal(*last_tile()) else "missed")


if __name__ == "__main__":
    main()
