"""The two kernels of a step on CUDA beside the library's product. Each reads [n, V] once, and neither writes it.

The exponentials aren't kept: to take them again costs a product of rank r and an exp, which is less than a write and a
read of [n, V]. So the gradient is taken against the rows' own maxima, and no block's factor is needed (decision 0077).

They run under Triton's interpreter too (`TRITON_INTERPRET=1`, set before Triton is imported), which proves what they
compute and nothing about their speed.
"""

import subprocess

import torch
import triton
import triton.language as tl
from torch import Tensor

from runners.training.errors import BackendUnavailable
from runners.training.torch_softmax import combine

# Tokens and vocabulary of a tile, and how many tiles a program takes one after the other: chosen by what
# an H100 took inside a step or alone (decision 0077). A card computes the same bits under the same sizes only.
ROWS, COLUMNS, TILES = 64, 32, 64
GRADIENT_ROWS, GRADIENT_VALUES = 32, 2048  # of B's rows in a tile: 128 words of rank 16, 64 of rank 32, ...
WARPS, STAGES = 4, 3
GRADIENT_WARPS, GRADIENT_STAGES = 4, 3
SIZES = {
    "softmax_rows": ROWS, "softmax_columns": COLUMNS, "softmax_tiles": TILES, "softmax_warps": WARPS,
    "gradient_rows": GRADIENT_ROWS, "gradient_values": GRADIENT_VALUES, "gradient_warps": GRADIENT_WARPS,
}  # fmt: skip
LEAST_RANK = 16  # of tl.dot; smaller ranks are filled up with zeros
MOST_RANK = 128  # past it the tiles don't fit into the shared memory of an RTX 4080's processors, 99 KiB (tested)
# Products of rank r on tensor cores, from three products of 10-bit parts: f32's own error, not TF32's (measured).
PRECISION = "tf32x3"


@triton.jit  # type: ignore[untyped-decorator]
def _factor(values, rows, rank, is_row, RANKS: tl.constexpr):  # type: ignore[no-untyped-def]  # Triton's own language
    """Rows of a contiguous [m, r], filled up with zeros."""
    ranks = tl.arange(0, RANKS)
    return tl.load(
        values + rows[:, None] * rank + ranks[None, :], mask=is_row[:, None] & (ranks < rank)[None, :], other=0.0
    )


@triton.jit  # type: ignore[untyped-decorator]
def _logits_tile(  # type: ignore[no-untyped-def]
    logits, rows, columns, u_tile, b_tile, tokens, vocabulary, PRECISION: tl.constexpr
):  # fmt: skip
    """`h W^T + s u B^T` of a tile; 0 outside."""
    inside = (rows < tokens)[:, None] & (columns < vocabulary)[None, :]
    tile = tl.load(logits + rows.to(tl.int64)[:, None] * vocabulary + columns[None, :], mask=inside, other=0.0)
    return tile + tl.dot(u_tile, tl.trans(b_tile), input_precision=PRECISION)


@triton.jit  # type: ignore[untyped-decorator]
def _softmax_kernel(  # type: ignore[no-untyped-def]
    logits, scaled_u, b, tops, sums, products, tokens, vocabulary, rank, strips,
    RANKS: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, TILES: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """m_b, Z_b [n, strips] and E_b B_b [n, strips, r]: each strip is every `strips`-th tile of the vocabulary."""
    strip = tl.program_id(0)
    rows = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    is_token = rows < tokens
    u_tile = _factor(scaled_u, rows, rank, is_token, RANKS)
    top = tl.full((ROWS,), float("-inf"), dtype=tl.float32)
    total = tl.zeros((ROWS,), dtype=tl.float32)
    weighted = tl.zeros((ROWS, RANKS), dtype=tl.float32)
    for index in range(TILES):
        # Neighbours read neighbouring columns at the same time, which the card's memory gives fastest.
        columns = (index * strips + strip) * COLUMNS + tl.arange(0, COLUMNS)
        b_tile = _factor(b, columns, rank, columns < vocabulary, RANKS)
        tile = _logits_tile(logits, rows, columns, u_tile, b_tile, tokens, vocabulary, PRECISION)
        tile = tl.where((columns < vocabulary)[None, :], tile, float("-inf"))
        larger = tl.maximum(top, tl.max(tile, axis=1))
        kept = tl.exp(top - larger)
        tile = tl.exp(tile - larger[:, None])
        total = total * kept + tl.sum(tile, axis=1)
        weighted = weighted * kept[:, None] + tl.dot(tile, b_tile, input_precision=PRECISION)
        top = larger
    of_strip = rows.to(tl.int64) * strips + strip  # times r it may be past 2^31
    tl.store(tops + of_strip, top, mask=is_token)
    tl.store(sums + of_strip, total, mask=is_token)
    ranks = tl.arange(0, RANKS)
    of_product = products + of_strip[:, None] * rank + ranks[None, :]
    tl.store(of_product, weighted, mask=is_token[:, None] & (ranks < rank)[None, :])


@triton.jit  # type: ignore[untyped-decorator]
def _gradient_kernel(  # type: ignore[no-untyped-def]
    logits, scaled_u, b, tops, factor, grad_b, tokens, vocabulary, rank,
    RANKS: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """grad_b [V, r] += exp(L - m)^T factor. A program owns its rows of grad_b: no atomics, one order."""
    columns = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    is_word = columns < vocabulary
    b_tile = _factor(b, columns, rank, is_word, RANKS)
    total = tl.zeros((COLUMNS, RANKS), dtype=tl.float32)
    for start in range(0, tokens, ROWS):
        rows = start + tl.arange(0, ROWS)
        is_token = rows < tokens
        u_tile = _factor(scaled_u, rows, rank, is_token, RANKS)
        tile = _logits_tile(logits, rows, columns, u_tile, b_tile, tokens, vocabulary, PRECISION)
        tile = tl.exp(tile - tl.load(tops + rows, mask=is_token, other=0.0)[:, None])
        total += tl.dot(tl.trans(tile), _factor(factor, rows, rank, is_token, RANKS), input_precision=PRECISION)
    ranks = tl.arange(0, RANKS)
    of_grad = grad_b + columns[:, None] * rank + ranks[None, :]
    inside = is_word[:, None] & (ranks < rank)[None, :]
    tl.store(of_grad, tl.load(of_grad, mask=inside, other=0.0) + total, mask=inside)


class TritonSoftmax:
    """`logits` [n, V]: contiguous, f32, and unchanged until the gradient is taken; so is B."""

    def __init__(self, logits: Tensor, scaled_u: Tensor, b: Tensor) -> None:
        tokens, vocabulary = logits.shape
        rank = b.shape[1]
        self._logits, self._scaled_u, self._b = logits, scaled_u.contiguous(), b
        strips = triton.cdiv(vocabulary, COLUMNS * TILES)
        tops, sums = (torch.empty((tokens, strips), device=logits.device) for _ in range(2))
        products = torch.empty((tokens, strips, rank), device=logits.device)
        _softmax_kernel[(strips, triton.cdiv(tokens, ROWS))](
            logits, self._scaled_u, b, tops, sums, products, tokens, vocabulary, rank, strips,
            RANKS=ranks_of(rank), ROWS=ROWS, COLUMNS=COLUMNS, TILES=TILES, PRECISION=PRECISION,
            num_warps=WARPS, num_stages=STAGES,
        )  # fmt: skip
        combined = combine(tops, sums, products)
        self.top, self.total, self.weighted = combined.top, combined.total, combined.weighted

    def add_gradient(self, grad_b: Tensor, factor: Tensor) -> None:
        tokens, vocabulary = self._logits.shape
        rank = grad_b.shape[1]
        columns = gradient_columns(rank)
        _gradient_kernel[(triton.cdiv(vocabulary, columns),)](
            self._logits, self._scaled_u, self._b, self.top, factor.contiguous(), grad_b, tokens, vocabulary, rank,
            RANKS=ranks_of(rank), ROWS=GRADIENT_ROWS, COLUMNS=columns, PRECISION=PRECISION,
            num_warps=GRADIENT_WARPS, num_stages=GRADIENT_STAGES,
        )  # fmt: skip


def require_launcher() -> None:
    """What launches a kernel is built once, by Triton and this host's own C compiler. Raises BackendUnavailable."""
    if not isinstance(_softmax_kernel, triton.runtime.JITFunction):
        raise BackendUnavailable(
            "torch on CUDA: expected kernels that run on the card, got Triton's interpreter; unset TRITON_INTERPRET"
        )
    try:
        _ = triton.runtime.driver.active.get_current_device
    except (AssertionError, RuntimeError, OSError, subprocess.CalledProcessError) as error:
        raise BackendUnavailable(
            f"torch on CUDA: expected that Triton can build what launches its kernels, got {error}; "
            "install a C compiler and Python's headers (Debian, Ubuntu: gcc python3-dev)"
        ) from error


def ranks_of(rank: int) -> int:
    """Of a tile."""
    return max(LEAST_RANK, int(triton.next_power_of_2(rank)))


def gradient_columns(rank: int) -> int:
    """Words of a tile of the gradient."""
    return GRADIENT_VALUES // ranks_of(rank)
