"""MLX's contenders over an LM head: the bare product, a step as mlx-lm does it, ours."""

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import mlx.nn
import mlx.optimizers
import numpy as np

from runners.contract.jobs import LmHeadBenchJob
from runners.training.backend import AdapterWeights, TrainingJob
from runners.training.bench_lmhead import Step
from runners.training.errors import InputMismatch
from runners.training.mlx_backend import MlxBackend
from runners.training.mlx_head import to_mlx

nn: Any = mlx.nn  # whose names mypy doesn't find


class MlxBench:
    """Memory is MLX's own count of it."""

    def __init__(self, job: LmHeadBenchJob, problem: TrainingJob) -> None:
        self._job, self._problem, self._before = job, problem, 0
        self._trained: dict[str, Callable[[], AdapterWeights]] = {}

    def step(self, name: str) -> Step:
        job, problem = self._job, self._problem
        if name == "ours_mlx":
            backend = MlxBackend(threads=job.threads, chunk_tokens=job.chunk_tokens)
            placement, rows = backend.place(problem), problem.shard.rows((0,))
            self._trained[name] = lambda: placement.state()[0]
            return lambda: placement.step(rows)
        weight = to_mlx(problem.head.weight).astype(mx.float32)
        h = to_mlx(problem.shard.hidden).astype(mx.float32)
        mx.eval(weight, h)
        if name == "bare_mlx":
            return lambda: mx.eval(h @ weight.T)
        if name == "mlx_lm":
            step, self._trained[name] = _mlx_lm(weight, h, problem)
            return step
        raise InputMismatch(f"bench: expected a contender of MLX, got {name}")

    def trained(self, name: str) -> AdapterWeights:
        return self._trained[name]()

    def start_counting(self) -> None:
        self._before = mx.get_active_memory()
        mx.reset_peak_memory()

    def peak_bytes(self) -> int:
        return int(mx.get_peak_memory()) - self._before


def _mlx_lm(weight: mx.array, h: mx.array, problem: TrainingJob) -> tuple[Step, Callable[[], AdapterWeights]]:
    """Its own LoRA layer, cross-entropy and AdamW (bias correction on, as all others here have it) in f32."""
    from mlx_lm.tuner.lora import LoRALinear

    base = nn.Linear(weight.shape[1], 1, bias=False)
    base.weight = weight
    layer = LoRALinear.from_base(base, r=problem.adapter.rank, scale=problem.scale)
    layer.lora_a, layer.lora_b = mx.array(problem.initial.a.T), mx.array(problem.initial.b.T)
    layer.freeze()
    layer.unfreeze(keys=["lora_a", "lora_b"], recurse=False)
    recipe, targets = problem.recipe, mx.array(problem.shard.targets)
    optimizer = mlx.optimizers.AdamW(
        learning_rate=recipe.learning_rate,
        betas=[recipe.beta1, recipe.beta2],
        eps=recipe.epsilon,
        weight_decay=recipe.weight_decay,
        bias_correction=True,
    )

    def mean_loss(layer: Any) -> Any:
        return nn.losses.cross_entropy(layer(h), targets, reduction="mean")

    gradients = nn.value_and_grad(layer, mean_loss)

    def step() -> None:
        loss, found = gradients(layer)
        optimizer.update(layer, found)
        mx.eval(loss, layer.trainable_parameters(), optimizer.state)

    return step, lambda: AdapterWeights(np.array(layer.lora_a).T, np.array(layer.lora_b).T)
