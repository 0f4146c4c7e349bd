"""torch's contenders over an LM head: the bare product, PEFT, PEFT by chunks, ours, ours over kept base logits."""

import contextlib
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from runners.contract.jobs import LmHeadBenchJob
from runners.training.backend import AdapterWeights, TrainingJob
from runners.training.bench_lmhead import Step
from runners.training.errors import InputMismatch
from runners.training.steps import Work
from runners.training.torch_backend import TorchBackend
from runners.training.torch_head import TorchHead
from runners.training.torch_logits import RememberedLogits
from runners.training.torch_placement import TorchPlacement

PEFT_CHUNK_TOKENS = 64


class TorchBench:
    """Memory is what the process had resident at most."""

    def __init__(self, job: LmHeadBenchJob, problem: TrainingJob) -> None:
        torch.set_num_threads(job.threads)
        torch.set_float32_matmul_precision("highest")
        self._job, self._problem, self._before = job, problem, 0
        self._trained: dict[str, Callable[[], AdapterWeights]] = {}

    def step(self, name: str) -> Step:
        job, problem = self._job, self._problem
        if name == "ours_torch":
            backend = TorchBackend(threads=job.threads, chunk_tokens=job.chunk_tokens)
            placement, rows = backend.place(problem), problem.shard.rows((0,))
            self._trained[name] = lambda: placement.state()[0]
            return lambda: placement.step(rows)
        if name == "ours_torch_kept":
            return self._over_kept_logits(name)
        weight = torch.from_numpy(problem.head.weight_f32())
        h = torch.from_numpy(problem.shard.hidden_f32())
        if name == "bare_f32":
            return lambda: h @ weight.T
        targets = torch.from_numpy(problem.shard.targets).long()
        if name in {"peft", "peft_chunked"}:
            chunk = job.tokens if name == "peft" else PEFT_CHUNK_TOKENS
            step, self._trained[name] = _peft(weight, h, targets, problem, chunk)
            return step
        raise InputMismatch(f"bench: expected a contender of torch, got {name}")

    def trained(self, name: str) -> AdapterWeights:
        return self._trained[name]()

    def _over_kept_logits(self, name: str) -> Step:
        """What an epoch over the same tokens costs once their `h W^T [N, V]` is kept, as the first step here does."""
        job, problem = self._job, self._problem
        TorchBackend(threads=job.threads, chunk_tokens=job.chunk_tokens)  # sets threads and precision
        head = TorchHead(problem.head, torch.device("cpu"))
        work = Work(problem.shard, problem.initial, problem.scale, problem.recipe)
        placement = TorchPlacement(head, work, job.chunk_tokens, RememberedLogits(head, job.tokens))
        rows = problem.shard.rows((0,))
        self._trained[name] = lambda: placement.state()[0]
        return lambda: placement.step(rows)

    def start_counting(self) -> None:
        _forget_the_most()
        self._before = _most_resident_bytes()

    def peak_bytes(self) -> int:
        return _most_resident_bytes() - self._before


def _peft(
    weight: torch.Tensor, h: torch.Tensor, targets: torch.Tensor, problem: TrainingJob, chunk_tokens: int
) -> tuple[Step, Callable[[], AdapterWeights]]:
    from peft import LoraConfig, inject_adapter_in_model

    class HeadOnly(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lm_head = nn.Linear(1, 1, bias=False)
            self.lm_head.in_features, self.lm_head.out_features = weight.shape[1], weight.shape[0]
            self.lm_head.weight = nn.Parameter(weight, requires_grad=False)

    model = HeadOnly()
    adapter = problem.adapter
    config = LoraConfig(r=adapter.rank, lora_alpha=int(adapter.alpha), target_modules=["lm_head"])
    inject_adapter_in_model(config, model)
    a, b = (getattr(model.lm_head, part)["default"].weight for part in ("lora_A", "lora_B"))
    a.data.copy_(torch.from_numpy(problem.initial.a))
    b.data.copy_(torch.from_numpy(problem.initial.b))
    recipe = problem.recipe
    optimizer = torch.optim.AdamW(
        [a, b],
        lr=recipe.learning_rate,
        betas=(recipe.beta1, recipe.beta2),
        eps=recipe.epsilon,
        weight_decay=recipe.weight_decay,
    )

    def step() -> None:
        optimizer.zero_grad()
        for part, wanted in zip(torch.split(h, chunk_tokens), torch.split(targets, chunk_tokens), strict=True):
            loss = nn.functional.cross_entropy(model.lm_head(part), wanted, reduction="sum") / len(h)
            loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step, lambda: AdapterWeights(a.detach().numpy().copy(), b.detach().numpy().copy())


def _forget_the_most() -> None:
    """Making an f32 head takes more for a moment than a step does; Linux can start the count anew."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _most_resident_bytes() -> int:
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split(maxsplit=1)[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
