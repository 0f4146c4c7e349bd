"""MLX on Metal or the CPU: which device, how it is set, and what is brought to it.

Nothing is compiled: `mx.compile` on the CPU needs a C++ compiler at run time.
"""

import os
from importlib.metadata import version
from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from runners.contract.execution import NamedSize
from runners.contract.jobs import BackendName
from runners.contract.names import Label, as_label
from runners.contract.receipts import Device
from runners.training.backend import TrainingJob
from runners.training.hardware import cpu_name, memory_total_bytes
from runners.training.head import Head
from runners.training.memory import BASE_LOGITS_BYTES, F32_HEAD_BYTES
from runners.training.mlx_head import MlxHead, block_rows, shared_memory, to_mlx
from runners.training.mlx_placement import MlxPlacement
from runners.training.mlx_softmax import SUM_BLOCK
from runners.training.shards import Shard
from runners.training.steps import Placement, SteppingBackend, Work
from runners.training.system_blas import blas_of, set_blas_threads


class MlxBackend(SteppingBackend):
    name: BackendName = "mlx"

    def __init__(self, *, threads: int, chunk_tokens: int) -> None:
        super().__init__(threads=threads, chunk_tokens=chunk_tokens)
        self.tiles = (
            NamedSize(name="head_rows", size=block_rows()),
            NamedSize(name="sum", size=SUM_BLOCK),
            NamedSize(name="f32_head_bytes", size=F32_HEAD_BYTES),
            NamedSize(name="base_logits_bytes", size=BASE_LOGITS_BYTES),
        )
        self._head: tuple[str, MlxHead] | None = None
        self._base: tuple[Shard, list[mx.array]] | None = None

    def head_memory(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        return shared_memory(shape, dtype)

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
            threads=1 if metal else set_blas_threads(self.threads),  # beside the products MLX has one
            blas="metal" if metal else blas_of("libmlx.so"),
            tf32=os.environ.get("MLX_ENABLE_TF32") != "0",  # `backends.load` sets it before MLX reads it
        )

    def place(self, job: TrainingJob) -> Placement:
        """For whoever drives single steps, as a benchmark does. Base logits aren't kept: each step is a whole one."""
        self._place_head(job.head)
        assert self._head is not None
        return MlxPlacement(self._head[1], Work(job.shard, job.initial, job.scale, job.recipe), self.chunk_tokens, None)

    def _place_head(self, head: Head) -> None:
        set_blas_threads(self.threads)  # the process's, so it is set again before each use
        if self._head is None or self._head[0] != head.sha256:
            self._head, self._base = (head.sha256, MlxHead(head)), None

    def _place(self, work: Work) -> Placement:
        assert self._head is not None
        head = self._head[1]
        return MlxPlacement(head, work, self.chunk_tokens, self._base_logits(head, work.shard))

    def _base_logits(self, head: MlxHead, shard: Shard) -> list[mx.array] | None:
        """`h W_block^T [N, rows]` of a whole small shard: neither factor changes while training or scoring."""
        if shard.tokens * head.vocab_size * 4 > BASE_LOGITS_BYTES:
            return None
        if self._base is None or self._base[0] is not shard:
            hidden = to_mlx(shard.hidden).astype(mx.float32)
            starts = range(0, shard.tokens, self.chunk_tokens)
            chunks = [hidden[start : start + self.chunk_tokens] for start in starts]
            kept = []
            for index in range(len(head.blocks)):
                kept.append(mx.concatenate([head.product(chunk, index) for chunk in chunks]))
                mx.eval(kept[-1])
            self._base = (shard, kept)
        return self._base[1]
