"""torch's contenders over an LM head, on CUDA where it is there: the bare product, what people use, ours."""

import contextlib
import resource
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from runners.contract.jobs import LmHeadBenchJob
from runners.contract.names import Label
from runners.training.backend import AdapterWeights, TrainingJob
from runners.training.bench_autograd import liger_step, peft_step
from runners.training.bench_lmhead import Step
from runners.training.errors import InputMismatch
from runners.training.head import Head
from runners.training.shards import Shard
from runners.training.steps import Work
from runners.training.torch_backend import TorchBackend
from runners.training.torch_head import TorchHead, to_device
from runners.training.torch_logits import RememberedLogits
from runners.training.torch_placement import TorchPlacement
from runners.training.torch_threads import BlockThreads

PEFT_CHUNK_TOKENS = 64
OF_CUDA = frozenset({"bare_bf16", "peft_bf16", "liger"})


class TorchBench:
    """Memory is what the process had resident at most; on CUDA, what torch had allocated on the card."""

    def __init__(self, job: LmHeadBenchJob, problem: TrainingJob) -> None:
        self._job, self._problem, self._before = job, problem, 0
        self._backend = TorchBackend(threads=job.threads, chunk_tokens=job.chunk_tokens)
        self._device = torch.device(self._backend.device().device_label)
        self._is_cuda = self._device.type == "cuda"
        self._trained: dict[str, Callable[[], AdapterWeights]] = {}

    @property
    def library(self) -> Label:
        return self._backend.version()

    def step(self, name: str) -> Step:
        if name in OF_CUDA and not self._is_cuda:
            raise InputMismatch(f"bench: {name}: expected a CUDA device, got {self._backend.device().name}")
        step = self._step(name)
        if not self._is_cuda:
            return step

        def waited_for() -> None:
            step()
            torch.cuda.synchronize()

        return waited_for

    def trained(self, name: str) -> AdapterWeights:
        return self._trained[name]()

    def start_counting(self) -> None:
        if self._is_cuda:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
            self._before = torch.cuda.memory_allocated()
            return
        _forget_the_most()
        self._before = _most_resident_bytes()

    def peak_bytes(self) -> int:
        most = torch.cuda.max_memory_allocated() if self._is_cuda else _most_resident_bytes()
        return int(most) - self._before

    def _step(self, name: str) -> Step:
        problem = self._problem
        if name == "ours_torch":
            return self._ours(name, problem)
        if name == "ours_torch_f32":
            return self._ours(name, _in_f32(problem))
        if name == "ours_torch_kept":
            return self._over_kept_logits(name)
        if name == "bare_f32":
            weight, h = self._f32
            return lambda: h @ weight.T
        if name == "bare_bf16":
            wide, states = self._bf16
            return lambda: torch.mm(states, wide.T, out_dtype=torch.float32)
        if name in {"peft", "peft_bf16", "peft_chunked", "liger"}:
            weight, h = self._bf16 if name == "peft_bf16" else self._f32
            targets = torch.from_numpy(problem.shard.targets).long().to(self._device)
            chunk = PEFT_CHUNK_TOKENS if name == "peft_chunked" else self._job.tokens
            step, self._trained[name] = (
                liger_step(weight, h, targets, problem)
                if name == "liger"
                else peft_step(weight, h, targets, problem, chunk)
            )
            return step
        raise InputMismatch(f"bench: expected a contender of torch, got {name}")

    @cached_property
    def _f32(self) -> tuple[Tensor, Tensor]:
        """W [V, d] and h [n, d]."""
        if self._is_cuda:
            weight, h = self._bf16
            return weight.float(), h.float()
        return torch.from_numpy(self._problem.head.weight_f32()), torch.from_numpy(self._problem.shard.hidden_f32())

    @cached_property
    def _bf16(self) -> tuple[Tensor, Tensor]:
        return to_device(self._problem.head.weight, self._device), to_device(self._problem.shard.hidden, self._device)

    def _ours(self, name: str, problem: TrainingJob) -> Step:
        job = self._job
        placement = TorchBackend(threads=job.threads, chunk_tokens=job.chunk_tokens).place(problem)
        rows = problem.shard.rows((0,))
        self._trained[name] = lambda: placement.state()[0]
        return lambda: placement.step(rows)

    def _over_kept_logits(self, name: str) -> Step:
        """What an epoch over the same tokens costs once their `h W^T [N, V]` is kept, as the first step here does."""
        if self._is_cuda:
            raise InputMismatch(f"bench: {name}: expected a processor, which alone keeps logits, got a CUDA device")
        job, problem = self._job, self._problem
        head = TorchHead(problem.head, torch.device("cpu"))
        work = Work(problem.shard, problem.initial, problem.scale, problem.recipe)
        logits = RememberedLogits(head, job.tokens)
        placement = TorchPlacement(head, work, job.chunk_tokens, logits, BlockThreads(job.threads))
        rows = problem.shard.rows((0,))
        self._trained[name] = lambda: placement.state()[0]
        return lambda: placement.step(rows)


def _in_f32(problem: TrainingJob) -> TrainingJob:
    """The same values in f32, as a checkpoint in f32 has them."""
    head, shard = problem.head, problem.shard
    return replace(
        problem,
        head=Head(head.name, "F32", head.weight_f32(), head.sha256, tied=head.tied),
        shard=Shard("F32", shard.hidden_f32(), shard.targets, shard.offsets),
    )


def _forget_the_most() -> None:
    """Making an f32 head takes more for a moment than a step does; Linux can start the count anew."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _most_resident_bytes() -> int:
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split(maxsplit=1)[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
