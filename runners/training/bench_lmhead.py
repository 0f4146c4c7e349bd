"""One step over an LM head of a given size, as people would otherwise do it and as the torch backend does it.

The contenders take turns in one process, so that what slows the machine slows all of them; memory is taken in a
process of its own for each. The head is random bits of bf16: an arithmetic unit doesn't care.
"""

import hashlib
import resource
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from runners.contract.jobs import LmHeadBenchJob, LmHeadBenchResult, LmHeadTime
from runners.contract.lane import AdapterContract, RecipeContract
from runners.training.adapter_file import initial_adapter
from runners.training.backend import TrainingJob
from runners.training.backends import load
from runners.training.errors import InputMismatch
from runners.training.head import Bits, Head
from runners.training.shards import Shard
from runners.training.torch_backend import TorchBackend

SEED, PEFT_CHUNK_TOKENS = 20260324, 64
Step = Callable[[], object]
OnRound = Callable[[int, str], None]  # rounds done, what is next


def bench_lmhead(job: LmHeadBenchJob, on_round: OnRound) -> LmHeadBenchResult:
    """Seconds of each contender per round, and how much one round of them took above head and hidden states."""
    torch.set_num_threads(job.threads)
    torch.set_float32_matmul_precision("highest")
    problem = _problem(job)
    steps = {name: _step(name, job, problem) for name in job.contenders}
    before = _peak_bytes()
    for name, step in steps.items():
        on_round(0, f"warm up {name}")
        step()
    peak = _peak_bytes() - before
    times: dict[str, list[float]] = {name: [] for name in steps}
    for done in range(job.rounds):
        for name, step in steps.items():
            on_round(done, name)
            started = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - started)
    backend = load("torch", threads=job.threads, chunk_tokens=job.chunk_tokens)
    return LmHeadBenchResult(
        device=backend.device(),
        library=backend.version(),
        peak_bytes=peak,
        times=tuple(LmHeadTime(contender=name, seconds=tuple(seconds)) for name, seconds in times.items()),
    )


def ratios(over: tuple[float, ...], under: tuple[float, ...]) -> tuple[float, float, float]:
    """Least, median and largest ratio of two contenders' times in the same round."""
    found = [one / other for one, other in zip(over, under, strict=True)]
    return min(found), statistics.median(found), max(found)


def _problem(job: LmHeadBenchJob) -> TrainingJob:
    random = np.random.Generator(np.random.PCG64(SEED))
    weight = _bf16(random, (job.vocab_size, job.hidden_size), 0x3D00)  # 0.03 to 0.06
    hidden = _bf16(random, (job.tokens, job.hidden_size), 0x3F00)  # 0.5 to 1
    targets = random.integers(0, job.vocab_size, job.tokens).astype(np.int32)
    recipe = RecipeContract(
        steps=1, batch_samples=1, learning_rate=1e-4, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0,
        seed=SEED, threads=job.threads, chunk_tokens=job.chunk_tokens,
    )  # fmt: skip
    adapter = AdapterContract(
        family="gpt_oss.decoder_lm_head_lora", format="safetensors", precision="f32_reference",
        rank=job.rank, alpha=2.0 * job.rank,
    )  # fmt: skip
    return TrainingJob(
        head=Head("lm_head.weight", "BF16", weight, hashlib.sha256(weight.data).hexdigest(), tied=False),
        shard=Shard("BF16", hidden, targets, np.array([0, job.tokens], dtype=np.int64)),
        initial=initial_adapter(SEED, job.rank, job.hidden_size, job.vocab_size),
        adapter=adapter,
        recipe=recipe,
        batches=((0,),),
    )


def _bf16(random: np.random.Generator, shape: tuple[int, int], exponent: int) -> Bits:
    """Random signs and mantissas under one exponent, in place: a head of real size shows in the memory otherwise."""
    bits: Bits = random.integers(0, 1 << 16, shape, dtype=np.uint16)
    bits &= np.uint16(0x807F)
    bits |= np.uint16(exponent)
    return bits


def _step(name: str, job: LmHeadBenchJob, problem: TrainingJob) -> Step:
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
    raise InputMismatch(f"bench: expected a known contender, got {name}")


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


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
