"""The two kernels of a step on CUDA beside the library's product: one read and one write of [n, V], then one read.

They run under Triton's interpreter too (`TRITON_INTERPRET=1`, set before Triton is imported), which proves what they
compute and nothing about their speed.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from runners.training.torch_softmax import combine

ROWS = 16  # tokens of one program; tl.dot takes no fewer
COLUMNS = 1024  # of the vocabulary: a tile of 64 KiB stays in registers between the read and the write
GRADIENT_ROWS, GRADIENT_COLUMNS = 32, 128
LEAST_RANK = 16  # of tl.dot; smaller ranks are filled up with zeros


@triton.jit  # type: ignore[untyped-decorator]
def _softmax_kernel(  # type: ignore[no-untyped-def]  # Triton's own language
    logits, scaled_u, b, tops, sums, products, tokens, vocabulary, blocks,
    RANK: tl.constexpr, RANKS: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """logits [n, V] becomes exp(L - m_b) in place; tops, sums [n, blocks] and products [n, blocks, r] are filled."""
    block = tl.program_id(1)
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    columns = block * COLUMNS + tl.arange(0, COLUMNS)
    ranks = tl.arange(0, RANKS)
    is_token, is_rank = rows < tokens, ranks < RANK
    inside = is_token[:, None] & (columns < vocabulary)[None, :]
    at = logits + rows.to(tl.int64)[:, None] * vocabulary + columns[None, :]
    of_b = b + columns[:, None] * RANK + ranks[None, :]
    b_tile = tl.load(of_b, mask=(columns < vocabulary)[:, None] & is_rank[None, :], other=0.0)
    u_tile = tl.load(
        scaled_u + rows[:, None] * RANK + ranks[None, :], mask=is_token[:, None] & is_rank[None, :], other=0.0
    )
    tile = tl.load(at, mask=inside, other=0.0)
    tile += tl.dot(u_tile, tl.trans(b_tile), input_precision="ieee")
    tile = tl.where(inside, tile, float("-inf"))
    top = tl.where(is_token, tl.max(tile, axis=1), 0.0)
    tile = tl.exp(tile - top[:, None])  # 0 outside
    tl.store(at, tile, mask=inside)
    of_block = rows * blocks + block
    tl.store(tops + of_block, top, mask=is_token)
    tl.store(sums + of_block, tl.sum(tile, axis=1), mask=is_token)
    product = tl.dot(tile, b_tile, input_precision="ieee")
    of_product = products + of_block[:, None] * RANK + ranks[None, :]
    tl.store(of_product, product, mask=is_token[:, None] & is_rank[None, :])


@triton.jit  # type: ignore[untyped-decorator]
def _gradient_kernel(  # type: ignore[no-untyped-def]
    exponentials, factor, decay, grad_b, tokens, vocabulary, blocks,
    RANK: tl.constexpr, RANKS: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """grad_b [V, r] += E^T (factor exp(m_b - m)). A program owns its rows of grad_b: no atomics, one order."""
    first = tl.program_id(0) * COLUMNS
    columns = first + tl.arange(0, COLUMNS)
    ranks = tl.arange(0, RANKS)
    is_rank, is_word = ranks < RANK, columns < vocabulary
    total = tl.zeros((COLUMNS, RANKS), dtype=tl.float32)
    for start in range(0, tokens, ROWS):
        rows = start + tl.arange(0, ROWS)
        is_token = rows < tokens
        at = exponentials + rows.to(tl.int64)[:, None] * vocabulary + columns[None, :]
        tile = tl.load(at, mask=is_token[:, None] & is_word[None, :], other=0.0)
        scale = tl.load(decay + rows * blocks + first // BLOCK, mask=is_token, other=0.0)
        part = tl.load(
            factor + rows[:, None] * RANK + ranks[None, :], mask=is_token[:, None] & is_rank[None, :], other=0.0
        )
        total += tl.dot(tl.trans(tile), part * scale[:, None], input_precision="ieee")
    of_grad = grad_b + columns[:, None] * RANK + ranks[None, :]
    inside = is_word[:, None] & is_rank[None, :]
    tl.store(of_grad, tl.load(of_grad, mask=inside, other=0.0) + total, mask=inside)


class TritonSoftmax:
    """`logits` [n, V], contiguous and f32, is written over."""

    def __init__(self, logits: Tensor, scaled_u: Tensor, b: Tensor) -> None:
        tokens, vocabulary = logits.shape
        rank = b.shape[1]
        blocks = triton.cdiv(vocabulary, COLUMNS)
        tops, sums = (torch.empty((tokens, blocks), device=logits.device) for _ in range(2))
        products = torch.empty((tokens, blocks, rank), device=logits.device)
        _softmax_kernel[(triton.cdiv(tokens, ROWS), blocks)](
            logits, scaled_u.contiguous(), b, tops, sums, products, tokens, vocabulary, blocks,
            RANK=rank, RANKS=_ranks(rank), ROWS=ROWS, COLUMNS=COLUMNS, num_warps=8,
        )  # fmt: skip
        combined = combine(tops, sums, products)
        self._exponentials, self._decay, self.top = logits, combined.decay, combined.top
        self.total, self.weighted = combined.total, combined.weighted

    def add_gradient(self, grad_b: Tensor, factor: Tensor) -> None:
        tokens, vocabulary = self._exponentials.shape
        rank, blocks = grad_b.shape[1], self._decay.shape[1]
        _gradient_kernel[(triton.cdiv(vocabulary, GRADIENT_COLUMNS),)](
            self._exponentials, factor.contiguous(), self._decay, grad_b, tokens, vocabulary, blocks,
            RANK=rank, RANKS=_ranks(rank), ROWS=GRADIENT_ROWS, COLUMNS=GRADIENT_COLUMNS, BLOCK=COLUMNS, num_warps=4,
        )  # fmt: skip


def _ranks(rank: int) -> int:
    return max(LEAST_RANK, int(triton.next_power_of_2(rank)))
