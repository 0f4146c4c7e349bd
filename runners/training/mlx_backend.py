"""MLX on Metal or the CPU, with gradients by hand as in `torch_backend`. Each chunk is evaluated before the next
is built, since a lazy graph over all chunks would keep every [n, V] alive at once.

Nothing here is compiled: `mx.compile` on the CPU needs a C++ compiler at run time.
"""

import os
from importlib.metadata import version
from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from runners.contract.execution import NamedSize
from runners.contract.jobs import BackendName
from runners.contract.lane import RecipeContract
from runners.contract.names import Label, as_label
from runners.contract.receipts import Device
from runners.training.adamw import AdamW
from runners.training.backend import AdapterWeights, Moments, Rows
from runners.training.hardware import cpu_name, loaded_blas, memory_total_bytes
from runners.training.head import Head
from runners.training.shards import Shard
from runners.training.steps import Placement, SteppingBackend, Work

F32_HEAD_BYTES = 256 * 1024 * 1024  # a larger bf16 head stays bf16 and is cast block by block
BLOCK_ROWS = 16384  # rows of W per cast
BASE_LOGITS_BYTES = 256 * 1024 * 1024  # a shard whose base logits fit is multiplied by W once, not once per epoch
SUM_BLOCK = 64  # a sum over V in one run loses four digits on the CPU; two levels don't


class MlxBackend(SteppingBackend):
    name: BackendName = "mlx"
    tiles = (
        NamedSize(name="head_rows", size=BLOCK_ROWS),
        NamedSize(name="sum", size=SUM_BLOCK),
        NamedSize(name="f32_head_bytes", size=F32_HEAD_BYTES),
        NamedSize(name="base_logits_bytes", size=BASE_LOGITS_BYTES),
    )

    def __init__(self, *, threads: int, chunk_tokens: int) -> None:
        super().__init__(threads=threads, chunk_tokens=chunk_tokens)
        self._head: tuple[str, MlxHead] | None = None
        self._base: tuple[Shard, mx.array] | None = None

    def version(self) -> Label:
        return as_label(f"mlx@{version('mlx')}")

    def device(self) -> Device:
        metal = mx.default_device().type == mx.gpu
        info = mx.device_info() if metal else {}
        kind = "metal" if metal else "cpu"
        return Device(
            backend_label=f"open_adapter_backend.mlx.{kind}.gpt_oss_lm_head",
            kind="metal" if metal else "cpu",
            device_label=f"{kind}:0",
            name=str(info.get("device_name", "")) or cpu_name(),
            memory_total_bytes=int(info.get("memory_size", 0)) or memory_total_bytes(),
            threads=1,  # MLX runs one stream in one thread, whatever the recipe allows
            blas="metal" if metal else loaded_blas(but="/numpy"),
            tf32=os.environ.get("MLX_ENABLE_TF32") != "0",  # `backends.load` sets it before MLX reads it
        )

    def _place_head(self, head: Head) -> None:
        if self._head is None or self._head[0] != head.sha256:
            self._head, self._base = (head.sha256, MlxHead(head)), None

    def _place(self, work: Work) -> Placement:
        assert self._head is not None
        head = self._head[1]
        return MlxPlacement(head, work, self.chunk_tokens, self._base_logits(head, work.shard))

    def _base_logits(self, head: "MlxHead", shard: Shard) -> mx.array | None:
        """`h W^T [N, V]` of a whole shard that is small enough: neither factor changes while training or scoring."""
        if shard.tokens * head.vocab_size * 4 > BASE_LOGITS_BYTES:
            return None
        if self._base is None or self._base[0] is not shard:
            hidden = _to_mlx(shard.hidden).astype(mx.float32)
            starts = range(0, shard.tokens, self.chunk_tokens)
            logits = mx.concatenate([head.logits(hidden[start : start + self.chunk_tokens]) for start in starts])
            mx.eval(logits)
            self._base = (shard, logits)
        return self._base[1]


class MlxHead:
    """W on the device, as `[d, block of V]` by blocks: MLX's CPU product likes its factors untransposed (1.6 x)."""

    def __init__(self, head: Head) -> None:
        self.vocab_size, self.hidden_size = head.vocab_size, head.hidden_size
        weight = _to_mlx(head.weight)
        starts = range(0, head.vocab_size, BLOCK_ROWS)
        self._blocks = [mx.contiguous(weight[start : start + BLOCK_ROWS].T) for start in starts]
        if head.vocab_size * head.hidden_size * 4 <= F32_HEAD_BYTES:
            self._blocks = [block.astype(mx.float32) for block in self._blocks]
        mx.eval(self._blocks)

    def logits(self, h: mx.array) -> mx.array:
        """`h W^T [n, V]` in f32. A product of two bf16 arrays would be bf16, so W is cast, which is exact."""
        parts = []
        for block in self._blocks:
            parts.append(h @ block.astype(mx.float32))
            mx.eval(parts[-1])  # otherwise all casts would be alive at once
        return parts[0] if len(parts) == 1 else mx.concatenate(parts, axis=1)


class MlxPlacement:
    """Adapter and moments in f32; the shard in the dtype that it was captured in. B is kept as `[r, V]`, as W is."""

    def __init__(self, head: MlxHead, work: Work, chunk_tokens: int, base: mx.array | None) -> None:
        self._head, self._base, self._scale, self._chunk_tokens = head, base, work.scale, chunk_tokens
        self._hidden = _to_mlx(work.shard.hidden)
        self._targets = mx.array(work.shard.targets)
        self._adapted = work.adapter is not None
        start = work.weights((head.vocab_size, head.hidden_size))
        self._a, self._bt = mx.array(start.a), mx.array(np.ascontiguousarray(start.b.T))
        self._adam = None if work.recipe is None else _moments(self._a, self._bt, work, work.recipe)

    def warm_up(self, rows: Rows) -> None:
        self._gradients(rows)

    def step(self, rows: Rows) -> float:
        assert self._adam is not None
        loss, grad_a, grad_bt = self._gradients(rows)
        self._a = self._adam[0].update(self._a, grad_a)
        self._bt = self._adam[1].update(self._bt, grad_bt)
        mx.eval(self._a, self._bt, *(moment for adam in self._adam for moment in (adam.mean, adam.square)))
        return loss

    def summed_loss(self, rows: Rows) -> float:
        return sum(_summed(self._exponentials(part)[4]) for part in self._chunks(rows))

    def state(self) -> tuple[AdapterWeights, Moments]:
        assert self._adam is not None
        of_a, of_bt = self._adam
        moments = Moments(np.array(of_a.mean), np.array(of_a.square), _turned(of_bt.mean), _turned(of_bt.square))
        return AdapterWeights(np.array(self._a), _turned(self._bt)), moments

    def _chunks(self, rows: Rows) -> list[mx.array]:
        size = self._chunk_tokens
        return [mx.array(rows[start : start + size].astype(np.int32)) for start in range(0, len(rows), size)]

    def _exponentials(self, rows: mx.array) -> tuple[mx.array, mx.array, mx.array, mx.array, mx.array]:
        """h [n, d], u [n, r], E [n, V], Z [n, 1] and each row's loss [n, 1]."""
        h = self._hidden[rows].astype(mx.float32)
        u = h @ self._a.T
        logits = self._head.logits(h) if self._base is None else self._base[rows]
        if self._adapted:
            logits = logits + (u * self._scale) @ self._bt
        logits = logits - mx.max(logits, axis=1, keepdims=True)
        target_logits = mx.take_along_axis(logits, self._targets[rows][:, None], axis=1)
        e = mx.exp(logits)
        total = _row_sums(e)
        return h, u, e, total, mx.log(total) - target_logits

    def _gradients(self, rows: Rows) -> tuple[float, mx.array, mx.array]:
        """Mean loss, dA [r, d] and dB^T [r, V] of one step."""
        loss, grad_a, grad_bt = 0.0, mx.zeros_like(self._a), mx.zeros_like(self._bt)
        b = mx.contiguous(self._bt.T)
        for part in self._chunks(rows):
            h, u, e, total, row_losses = self._exponentials(part)
            targets = self._targets[part][:, None]
            at_targets = mx.take_along_axis(e, targets, axis=1)
            residual = mx.put_along_axis(e, targets, at_targets - total, axis=1)  # Z (P - Y)
            weight = self._scale / (len(rows) * total)
            grad_bt = grad_bt + mx.contiguous((u * weight).T) @ residual
            grad_a = grad_a + ((residual @ b) * weight).T @ h
            mx.eval(grad_a, grad_bt, row_losses)
            loss += _summed(row_losses)
        return loss / len(rows), grad_a, grad_bt


def _moments(a: mx.array, bt: mx.array, work: Work, recipe: RecipeContract) -> tuple[AdamW, AdamW]:
    kept = work.moments
    if kept is None:
        starts = [mx.zeros_like(each) for each in (a, a, bt, bt)]
    else:
        of_bt = (np.ascontiguousarray(each.T) for each in (kept.mean_b, kept.square_b))
        starts = [mx.array(each) for each in (kept.mean_a, kept.square_a, *of_bt)]
    return (
        AdamW(starts[0], starts[1], work.steps_done, recipe, mx.sqrt),
        AdamW(starts[2], starts[3], work.steps_done, recipe, mx.sqrt),
    )


def _turned(values: mx.array) -> npt.NDArray[np.float32]:
    """`[V, r]` on the host from `[r, V]` on the device, and back."""
    return np.ascontiguousarray(np.array(values).T)


def _summed(row_losses: mx.array) -> float:
    return float(np.array(row_losses).sum(dtype=np.float64))


def _row_sums(e: mx.array) -> mx.array:
    """`[n, 1]`, summed in two levels."""
    whole = e.shape[1] - e.shape[1] % SUM_BLOCK
    blocks = e[:, :whole].reshape(e.shape[0], -1, SUM_BLOCK).sum(axis=-1)
    return (blocks.sum(axis=-1) + e[:, whole:].sum(axis=-1))[:, None]


def _to_mlx(values: npt.NDArray[Any]) -> mx.array:
    """f32, or bf16 whose bits NumPy holds as uint16."""
    return mx.array(values).view(mx.bfloat16) if values.dtype == np.uint16 else mx.array(values)
