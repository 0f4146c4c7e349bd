"""MLX's contenders over an LM head: the bare product, a step as mlx-lm does it, ours."""

from typing import Any

import mlx.core as mx
import mlx.nn
import mlx.optimizers

from runners.contract.jobs import LmHeadBenchJob
from runners.training.backend import TrainingJob
from runners.training.bench_lmhead import Step
from runners.training.errors import InputMismatch
from runners.training.mlx_backend import MlxBackend
from runners.training.mlx_head import to_mlx

nn: Any = mlx.nn  # whose names mypy doesn't find


class MlxBench:
    """Memory is MLX's own count of it."""

    def __init__(self, job: LmHeadBenchJob, problem: TrainingJob) -> None:
        self._job, self._problem, self._before = job, problem, 0

    def step(self, name: str) -> Step:
        job, problem = self._job, self._problem
        if name == "ours_mlx":
            backend = MlxBackend(threads=job.threads, chunk_tokens=job.chunk_tokens)
            placement, rows = backend.place(problem), problem.shard.rows((0,))
            return lambda: placement.step(rows)
        weight = to_mlx(problem.head.weight).astype(mx.float32)
        h = to_mlx(problem.shard.hidden).astype(mx.float32)
        mx.eval(weight, h)
        if name == "bare_mlx":
            return lambda: mx.eval(h @ weight.T)
        if name == "mlx_lm":
            return _mlx_lm(weight, h, mx.array(problem.shard.targets), job.rank, problem.scale)
        raise InputMismatch(f"bench: expected a contender of MLX, got {name}")

    def start_counting(self) -> None:
        self._before = mx.get_active_memory()
        mx.reset_peak_memory()

    def peak_bytes(self) -> int:
        return int(mx.get_peak_memory()) - self._before


def _mlx_lm(weight: mx.array, h: mx.array, targets: mx.array, rank: int, scale: float) -> Step:
    """Its own LoRA layer, cross-entropy and AdamW, by MLX's gradients, in f32."""
    from mlx_lm.tuner.lora import LoRALinear

    base = nn.Linear(weight.shape[1], 1, bias=False)
    base.weight = weight
    layer = LoRALinear.from_base(base, r=rank, scale=scale)
    layer.freeze()
    layer.unfreeze(keys=["lora_a", "lora_b"], recurse=False)
    optimizer = mlx.optimizers.AdamW(learning_rate=1e-4)

    def mean_loss(layer: Any) -> Any:
        return nn.losses.cross_entropy(layer(h), targets, reduction="mean")

    gradients = nn.value_and_grad(layer, mean_loss)

    def step() -> None:
        loss, found = gradients(layer)
        optimizer.update(layer, found)
        mx.eval(loss, layer.trainable_parameters(), optimizer.state)

    return step
