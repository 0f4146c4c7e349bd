"""One step over an LM head of a given size, as people would otherwise do it and as our backends do it.

The contenders of one library take turns in one process, so that what slows the machine slows all of them; memory is
taken in a process of its own for each. The head is random bits of bf16: an arithmetic unit doesn't care.
"""

import hashlib
import statistics
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from runners.contract.jobs import BackendName, LmHeadBenchJob, LmHeadBenchResult, LmHeadTime
from runners.contract.lane import AdapterContract, RecipeContract
from runners.contract.names import Label
from runners.training.adapter_file import initial_adapter
from runners.training.backend import AdapterWeights, TrainingJob
from runners.training.backends import load
from runners.training.head import Bits, Head
from runners.training.shards import Shard

SEED = 20260324
REST_S = 0.05  # before each: a library's threads spin for some milliseconds after their last work
OF_MLX = frozenset({"bare_mlx", "mlx_lm", "ours_mlx"})
Step = Callable[[], object]
OnStep = Callable[[int, str], None]  # steps done, what is next


class Bench(Protocol):
    """The contenders of one library."""

    @property
    def library(self) -> Label:
        """Name and version, and those of what contenders take from elsewhere."""
        ...

    def step(self, name: str) -> Step:
        """One whole step of a contender, evaluated when it returns. Raises InputMismatch for one of another library."""
        ...

    def trained(self, name: str) -> AdapterWeights:
        """Where the steps done so far have brought the adapter: all contenders that train start from the same one."""
        ...

    def start_counting(self) -> None:
        """From here on memory is above what lies there now: heads, hidden states, adapters, moments."""
        ...

    def peak_bytes(self) -> int: ...


def bench_lmhead(job: LmHeadBenchJob, on_step: OnStep) -> LmHeadBenchResult:
    """Seconds of each contender per round, and how much one round of them took above head and hidden states."""
    name: BackendName = "mlx" if OF_MLX & set(job.contenders) else "torch"
    backend = load(name, threads=job.threads, chunk_tokens=job.chunk_tokens)
    bench = bench_of(name, job)
    steps = {contender: bench.step(contender) for contender in job.contenders}
    bench.start_counting()
    for done, (contender, step) in enumerate(steps.items()):
        on_step(done, f"{contender}, warming up")
        step()
    peak = bench.peak_bytes()
    times: dict[str, list[float]] = {contender: [] for contender in steps}
    for turn in range(job.rounds):
        for place, (contender, step) in enumerate(steps.items()):
            on_step(len(steps) * (turn + 1) + place, f"{contender}, round {turn + 1} of {job.rounds}")
            time.sleep(REST_S)
            started = time.perf_counter()
            step()
            times[contender].append(time.perf_counter() - started)
    return LmHeadBenchResult(
        device=backend.device(),
        library=bench.library,
        peak_bytes=peak,
        times=tuple(LmHeadTime(contender=contender, seconds=tuple(seconds)) for contender, seconds in times.items()),
    )


def bench_of(name: BackendName, job: LmHeadBenchJob) -> Bench:
    """The other library is not imported: it would decide which BLAS does the products (`system_blas`)."""
    if name == "mlx":
        from runners.training.bench_mlx import MlxBench

        return MlxBench(job, problem(job))
    from runners.training.bench_torch import TorchBench

    return TorchBench(job, problem(job))


def ratios(over: tuple[float, ...], under: tuple[float, ...]) -> tuple[float, float, float]:
    """Least, median and largest ratio of two contenders' times in the same round."""
    found = [one / other for one, other in zip(over, under, strict=True)]
    return min(found), statistics.median(found), max(found)


def problem(job: LmHeadBenchJob) -> TrainingJob:
    random = np.random.Generator(np.random.PCG64(SEED))
    weight = _bf16(random, (job.vocab_size, job.hidden_size), 0x3D00)  # 0.03 to 0.06
    hidden = _bf16(random, (job.tokens, job.hidden_size), 0x3F00)  # 0.5 to 1
    targets = random.integers(0, job.vocab_size, job.tokens).astype(np.int32)
    recipe = RecipeContract(
        steps=1, batch_samples=1, learning_rate=1e-4, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0,
        seed=SEED, threads=job.threads, chunk_tokens=job.chunk_tokens, checkpoint_steps=1,
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
