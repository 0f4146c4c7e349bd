"""exp of the logits of one chunk of tokens in MLX, block by block over the vocabulary, as `torch_softmax` does it.

With `L = h W^T + s u B^T`, each block is taken against its own row maximum m_b. With m the maximum of all,
`Z = sum_b exp(m_b - m) sum_j E_bj` and `G = sum_b exp(m_b - m) E_b B_b`. Each block is evaluated before the next is
built: a lazy graph over all of them would keep every cast of W alive at once.
"""

from collections.abc import Callable
from dataclasses import dataclass

import mlx.core as mx
import numpy as np
import numpy.typing as npt

SUM_BLOCK = 64  # a sum over V in one run loses four digits on the CPU; two levels don't

Ints = npt.NDArray[np.int64]
BlockLogits = Callable[[int], mx.array]  # of the block of that index: h W_block^T [n, rows]


@dataclass(frozen=True, eq=False)
class BlockTargets:
    """What lies in one block of the targets of a chunk, whose rows go in the order of their targets."""

    rows: slice  # of the chunk
    columns: mx.array  # of the block: each row's target
    distinct: mx.array  # columns, each once
    same: mx.array  # [distinct, rows] of 0 and 1: sums what belongs to one column, so that each is written once


def cut_targets(targets: Ints, blocks: tuple[slice, ...]) -> dict[int, BlockTargets]:
    """By index of the block; blocks without a target are left out. `targets` is sorted."""
    found = {}
    for index, block in enumerate(blocks):
        rows = slice(*(int(edge) for edge in np.searchsorted(targets, (block.start, block.stop))))
        if rows.start == rows.stop:
            continue
        columns = (targets[rows] - block.start).astype(np.int32)
        distinct = np.unique(columns)
        same = (distinct[:, None] == columns).astype(np.float32)
        found[index] = BlockTargets(rows, mx.array(columns), mx.array(distinct), mx.array(same))
    return found


class ChunkSoftmax:
    """What a loss and both gradients need of softmax(L). Without `b`, what a loss needs."""

    def __init__(
        self,
        logits: BlockLogits,
        scaled_u: mx.array | None,  # [n, r]; None: no adapter
        bt: list[mx.array],  # B^T [r, rows] of each block
        b: list[mx.array] | None,  # B [rows, r] of each block
        targets: dict[int, BlockTargets],
    ) -> None:
        self.exponentials: list[mx.array] = []  # E_b [n, rows], where there is `b`
        tops, sums, products, picked = [], [], [], []
        for index, of_block in enumerate(bt):
            piece = logits(index)
            if scaled_u is not None:
                piece = mx.addmm(piece, scaled_u, of_block)
            top = mx.max(piece, axis=1, keepdims=True)
            e = mx.exp(piece - top)
            tops.append(top)
            sums.append(_row_sums(e))
            made = [tops[-1], sums[-1]]
            if index in targets:
                at = targets[index]
                picked.append(mx.take_along_axis(piece[at.rows], at.columns[:, None], axis=1)[:, 0])
                made.append(picked[-1])
            if b is not None:
                products.append(e @ b[index])
                self.exponentials.append(e)
                made += [products[-1], e]
            del piece, e
            mx.eval(made)
        all_tops = mx.concatenate(tops, axis=1)
        self.top = mx.max(all_tops, axis=1)  # m [n]
        self.decay = mx.exp(all_tops - self.top[:, None])  # exp(m_b - m) [n, blocks]
        self.total = (mx.concatenate(sums, axis=1) * self.decay).sum(axis=1)  # Z [n]
        self.target_logits = mx.concatenate(picked)  # L[y] [n]
        if b is not None:
            self.weighted = (mx.stack(products, axis=1) * self.decay[:, :, None]).sum(axis=1)  # G [n, r]

    def summed_loss(self) -> float:
        """`sum log Z + m - L[y]`, in f64 on the host."""
        total, top, picked = (np.array(each).astype(np.float64) for each in (self.total, self.top, self.target_logits))
        return float((np.log(total) + (top - picked)).sum())


def _row_sums(e: mx.array) -> mx.array:
    """`[n, 1]`, summed in two levels."""
    whole = e.shape[1] - e.shape[1] % SUM_BLOCK
    blocks = e[:, :whole].reshape(e.shape[0], -1, SUM_BLOCK).sum(axis=-1)
    return (blocks.sum(axis=-1) + e[:, whole:].sum(axis=-1))[:, None]
