"""MLX's contenders over an LM head: the bare product, a step as mlx-lm does it, ours."""

import os
import shutil
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import mlx.core as mx
import mlx.nn
import mlx.optimizers
import numpy as np

from runners.contract.jobs import LmHeadBenchJob
from runners.contract.names import Label, as_label
from runners.training.backend import AdapterWeights, TrainingJob
from runners.training.bench_lmhead import Step
from runners.training.errors import InputMismatch
from runners.training.mlx_backend import MlxBackend
from runners.training.mlx_head import to_mlx

nn: Any = mlx.nn  # whose names mypy doesn't find


class MlxBench:
    """Memory is MLX's own count of it."""

    @property
    def library(self) -> Label:
        """With what mlx-lm's step is done by, and how: compiled as its trainer does it, wherever MLX can compile."""
        how = "compiled" if can_compile() else "not+compiled"
        return as_label(f"mlx@{version('mlx')}:mlx-lm@{version('mlx-lm')}+{how}")

    def __init__(self, job: LmHeadBenchJob, problem: TrainingJob) -> None:
        self._job, self._problem, self._before = job, problem, 0
        self._steps: list[Step] = []
        self._trained: dict[str, Callable[[], AdapterWeights]] = {}

    def step(self, name: str) -> Step:
        self._steps.append(self._step(name))
        return self._steps[-1]

    def _step(self, name: str) -> Step:
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
        """After a step of each: MLX allocates ahead of what computes, except while it waits for its compiler."""
        for step in self._steps:
            step()
        self._before = mx.get_active_memory()
        mx.reset_peak_memory()

    def peak_bytes(self) -> int:
        return int(mx.get_peak_memory()) - self._before


def can_compile() -> bool:
    """On a processor MLX compiles by calling g++; where it can't, `mx.compile` gives the function back as it was."""
    asked = "MLX_DISABLE_COMPILE" not in os.environ
    return asked and (mx.default_device().type == mx.gpu or shutil.which("g++") is not None)


def _mlx_lm(weight: mx.array, h: mx.array, problem: TrainingJob) -> tuple[Step, Callable[[], AdapterWeights]]:
    """As `mlx_lm.tuner.trainer` does it: loss, gradients and update as one compiled function of its state, with its own
    LoRA layer, cross-entropy and AdamW (bias correction on, as all others here have it). In f32, no token is padded."""
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

    state = [layer.state, optimizer.state]

    @partial(mx.compile, inputs=state, outputs=state)
    def compiled() -> Any:  # the loss
        loss, found = gradients(layer)
        optimizer.update(layer, found)
        return loss

    def step() -> None:
        mx.eval(compiled(), state)

    return step, lambda: AdapterWeights(np.array(layer.lora_a).T, np.array(layer.lora_b).T)
