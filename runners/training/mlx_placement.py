"""One job's adapter, moments and shard beside the head in MLX, with gradients by hand as in `torch_placement`."""

from collections.abc import Iterator
from dataclasses import dataclass

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from runners.contract.lane import RecipeContract
from runners.training.adamw import AdamW
from runners.training.backend import AdapterWeights, Moments, Rows
from runners.training.mlx_head import MlxHead, to_mlx
from runners.training.mlx_softmax import BlockTargets, ChunkSoftmax, cut_targets
from runners.training.steps import Work

F32 = npt.NDArray[np.float32]
BlockGradients = list[mx.array]  # dB^T [r, rows] of each block


@dataclass(frozen=True, eq=False)
class Chunk:
    h: mx.array  # [n, d] f32
    u: mx.array  # h A^T [n, r]
    targets: dict[int, BlockTargets]
    softmax: ChunkSoftmax


class MlxPlacement:
    """Adapter and moments in f32; the shard in the dtype that it was captured in. B lies as `[r, rows]` by the head's
    blocks, so that an update needs no memory of B's size beside B, its moments and its gradient."""

    def __init__(self, head: MlxHead, work: Work, chunk_tokens: int, base: list[mx.array] | None) -> None:
        self._head, self._base, self._scale, self._chunk_tokens = head, base, work.scale, chunk_tokens
        self._hidden = to_mlx(work.shard.hidden)
        self._targets = work.shard.targets.astype(np.int64)
        self._adapted = work.adapter is not None
        start = work.weights((head.vocab_size, head.hidden_size))
        self._a, self._bt = mx.array(start.a), _by_blocks(start.b, head.blocks)
        self._adam = None if work.recipe is None else _moments(self._a, self._bt, head.blocks, work, work.recipe)

    def warm_up(self, rows: Rows) -> None:
        self._gradients(rows)

    def step(self, rows: Rows) -> float:
        assert self._adam is not None
        loss, grad_a, grad_bt = self._gradients(rows)
        of_a, of_bt = self._adam
        self._a = _updated(of_a, self._a, grad_a)
        for index, adam in enumerate(of_bt):
            self._bt[index] = _updated(adam, self._bt[index], grad_bt[index])
        return loss

    def summed_loss(self, rows: Rows) -> float:
        return sum(self._chunk(part, weighs=False).softmax.summed_loss() for part in self._parts(rows))

    def state(self) -> tuple[AdapterWeights, Moments]:
        assert self._adam is not None
        of_a, of_bt = self._adam
        moments = Moments(
            np.array(of_a.mean),
            np.array(of_a.square),
            _whole([adam.mean for adam in of_bt]),
            _whole([adam.square for adam in of_bt]),
        )
        return AdapterWeights(np.array(self._a), _whole(self._bt)), moments

    def _parts(self, rows: Rows) -> Iterator[Rows]:
        """Chunks of tokens, each in the order of its targets."""
        for start in range(0, len(rows), self._chunk_tokens):
            part = rows[start : start + self._chunk_tokens]
            yield part[np.argsort(self._targets[part], kind="stable")]

    def _chunk(self, part: Rows, *, weighs: bool) -> Chunk:
        rows = mx.array(part.astype(np.int32))
        h = self._hidden[rows].astype(mx.float32)
        u = h @ self._a.T
        targets = cut_targets(self._targets[part], self._head.blocks)

        def logits(index: int) -> mx.array:
            return self._head.product(h, index) if self._base is None else self._base[index][rows]

        scaled_u = u * self._scale if self._adapted else None
        return Chunk(h, u, targets, ChunkSoftmax(logits, scaled_u, self._bt, targets, weighs=weighs))

    def _gradients(self, rows: Rows) -> tuple[float, mx.array, BlockGradients]:
        """Mean loss, dA [r, d] and dB^T of one step."""
        loss, grad_a = 0.0, mx.zeros_like(self._a)
        grad_bt = [mx.zeros_like(each) for each in self._bt]
        mx.eval(grad_a, grad_bt)
        for part in self._parts(rows):
            chunk = self._chunk(part, weighs=True)
            grad_a = self._add_gradients(chunk, self._scale / len(rows), grad_a, grad_bt)
            loss += chunk.softmax.summed_loss()
            del chunk  # or two of them would be alive while the next one is made
        return loss / len(rows), grad_a, grad_bt

    def _add_gradients(self, chunk: Chunk, share: float, grad_a: mx.array, grad_bt: BlockGradients) -> mx.array:
        """`share` = s / N. Changes `grad_bt` in place; returns dA."""
        soft = chunk.softmax
        of_rows = (share / soft.total)[:, None]
        factor, of_targets = chunk.u * of_rows, chunk.u * share
        for index, e in enumerate(soft.exponentials):
            left = mx.contiguous((factor * soft.decay[:, index, None]).T)
            grad = mx.addmm(grad_bt[index], left, e)
            if index in chunk.targets:
                at = chunk.targets[index]
                grad = grad.at[:, at.distinct].add(-(at.same @ of_targets[at.rows]).T)
            grad_bt[index] = grad
            mx.eval(grad)
        of_b = mx.concatenate([self._bt[index].T[at.columns] for index, at in chunk.targets.items()])  # B[y] [n, r]
        residual = soft.weighted * of_rows - of_b * share
        grad_a = mx.addmm(grad_a, mx.contiguous(residual.T), chunk.h)
        mx.eval(grad_a)
        return grad_a


def _updated(adam: AdamW, weight: mx.array, gradient: mx.array) -> mx.array:
    weight = adam.update(weight, gradient)
    mx.eval(weight, adam.mean, adam.square)
    return weight


def _moments(
    a: mx.array, bt: list[mx.array], blocks: tuple[slice, ...], work: Work, recipe: RecipeContract
) -> tuple[AdamW, list[AdamW]]:
    kept = work.moments
    if kept is None:
        starts = [mx.zeros_like(a) for _ in range(2)]  # arrays of their own: they are changed in place
        of_bt = [[mx.zeros_like(each) for each in bt] for _ in range(2)]
    else:
        starts = [mx.array(each) for each in (kept.mean_a, kept.square_a)]
        of_bt = [_by_blocks(each, blocks) for each in (kept.mean_b, kept.square_b)]
    return (
        AdamW(starts[0], starts[1], work.steps_done, recipe, mx.sqrt),
        [AdamW(mean, square, work.steps_done, recipe, mx.sqrt) for mean, square in zip(*of_bt, strict=True)],
    )


def _by_blocks(values: F32, blocks: tuple[slice, ...]) -> list[mx.array]:
    """`[r, rows]` of each block from `[V, r]` on the host."""
    return [mx.array(np.ascontiguousarray(values[block].T)) for block in blocks]


def _whole(parts: list[mx.array]) -> F32:
    """`[V, r]` on the host from `[r, rows]` of each block."""
    return np.concatenate([np.array(part).T for part in parts])
