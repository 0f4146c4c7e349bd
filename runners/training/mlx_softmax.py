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

from runners.training.mlx_exponential import exponential

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
    """What a loss and, where `weighs`, both gradients need of softmax(L)."""

    def __init__(
        self,
        logits: BlockLogits,
        scaled_u: mx.array | None,  # [n, r]; None: no adapter
        bt: list[mx.array],  # B^T [r, rows] of each block
        targets: dict[int, BlockTargets],
        *,
        weighs: bool,
    ) -> None:
        self.exponentials: list[mx.array] = []  # E_b [n, rows], where it weighs
        self._tops: list[mx.array] = []
        self._sums: list[mx.array] = []
        self._products: list[mx.array] = []
        self._picked: list[mx.array] = []
        for index, of_block in enumerate(bt):
            piece = logits(index)
            if scaled_u is not None:
                piece = mx.addmm(piece, scaled_u, of_block)
            self._add(piece, targets.get(index), of_block if weighs else None)
        tops = mx.concatenate(self._tops, axis=1)
        self.top = mx.max(tops, axis=1)  # m [n]
        self.decay = mx.exp(tops - self.top[:, None])  # exp(m_b - m) [n, blocks]
        self.total = (mx.concatenate(self._sums, axis=1) * self.decay).sum(axis=1)  # Z [n]
        self.target_logits = mx.concatenate(self._picked)  # L[y] [n]
        if weighs:
            self.weighted = (mx.stack(self._products, axis=1) * self.decay[:, :, None]).sum(axis=1)  # G [n, r]

    def _add(self, piece: mx.array, at: BlockTargets | None, bt: mx.array | None) -> None:
        """One block's logits [n, rows], reduced to what is kept of them."""
        top = mx.max(piece, axis=1, keepdims=True)
        e = exponential(piece - top)
        kept = [(self._tops, top), (self._sums, _row_sums(e))]
        if at is not None:
            picked = mx.take_along_axis(piece[at.rows], at.columns[:, None], axis=1)
            kept.append((self._picked, picked[:, 0]))
        if bt is not None:
            kept += [(self._products, e @ bt.T), (self.exponentials, e)]
        mx.eval([value for _, value in kept])
        for values, value in kept:
            values.append(value)

    def summed_loss(self) -> float:
        """`sum log Z + m - L[y]`, in f64 on the host."""
        total, top, picked = (np.array(each).astype(np.float64) for each in (self.total, self.top, self.target_logits))
        return float((np.log(total) + (top - picked)).sum())


def _row_sums(e: mx.array) -> mx.array:
    """`[n, 1]`, summed in two levels."""
    whole = e.shape[1] - e.shape[1] % SUM_BLOCK
    blocks = e[:, :whole].reshape(e.shape[0], -1, SUM_BLOCK).sum(axis=-1)
    return (blocks.sum(axis=-1) + e[:, whole:].sum(axis=-1))[:, None]
