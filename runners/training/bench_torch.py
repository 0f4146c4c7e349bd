"""torch's contenders over an LM head: the bare product, PEFT, PEFT by chunks, ours."""

import resource
import sys

import torch
from torch import nn

from runners.contract.jobs import LmHeadBenchJob
from runners.training.backend import TrainingJob
from runners.training.bench_lmhead import Step
from runners.training.errors import InputMismatch
from runners.training.torch_backend import TorchBackend

PEFT_CHUNK_TOKENS = 64


class TorchBench:
    """Memory is what the process had resident at most."""

    def __init__(self, job: LmHeadBenchJob, problem: TrainingJob) -> None:
        torch.set_num_threads(job.threads)
        torch.set_float32_matmul_precision("highest")
        self._job, self._problem, self._before = job, problem, 0

    def step(self, name: str) -> Step:
        job, problem = self._job, self._problem
        if name == "ours_torch":
            backend = TorchBackend(threads=job.threads, chunk_tokens=job.chunk_tokens)
            placement, rows = backend.place(problem), problem.shard.rows((0,))
            return lambda: placement.step(rows)
        weight = torch.from_numpy(problem.head.weight_f32())
        h = torch.from_numpy(problem.shard.hidden_f32())
        if name == "bare_f32":
            return lambda: h @ weight.T
        targets = torch.from_numpy(problem.shard.targets).long()
        if name in {"peft", "peft_chunked"}:
            return _peft(weight, h, targets, job.rank, job.tokens if name == "peft" else PEFT_CHUNK_TOKENS)
        raise InputMismatch(f"bench: expected a contender of torch, got {name}")

    def start_counting(self) -> None:
        self._before = _most_resident_bytes()

    def peak_bytes(self) -> int:
        return _most_resident_bytes() - self._before


def _peft(weight: torch.Tensor, h: torch.Tensor, targets: torch.Tensor, rank: int, chunk_tokens: int) -> Step:
    from peft import LoraConfig, inject_adapter_in_model

    class HeadOnly(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lm_head = nn.Linear(1, 1, bias=False)
            self.lm_head.in_features, self.lm_head.out_features = weight.shape[1], weight.shape[0]
            self.lm_head.weight = nn.Parameter(weight, requires_grad=False)

    model = HeadOnly()
    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=["lm_head"]), model)
    optimizer = torch.optim.AdamW([each for each in model.parameters() if each.requires_grad], lr=1e-4)

    def step() -> None:
        optimizer.zero_grad()
        for part, wanted in zip(torch.split(h, chunk_tokens), torch.split(targets, chunk_tokens), strict=True):
            loss = nn.functional.cross_entropy(model.lm_head(part), wanted, reduction="sum") / len(h)
            loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def _most_resident_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
