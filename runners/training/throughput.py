"""How fast a backend trains at the lane's geometry: real steps over a real head, long enough to see the noise."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from runners.contract.bringup import Throughput
from runners.contract.lane import AdapterContract, RecipeContract
from runners.training.adapter_file import initial_adapter
from runners.training.backend import Backend, StepResult, TrainingJob
from runners.training.errors import Stopped
from runners.training.head import Head, f32_to_bf16
from runners.training.shards import Shard

FLOOR_S = 1.0  # of steps; a slow device takes longer, for BANDS steps
BANDS = 7
MOST_STEPS = 4096
SHARD_STEPS = 16  # of distinct tokens, so that a backend keeps or recomputes what it would for a slice of a lane
Watch = Callable[[], None]


@dataclass
class StepClock:
    """Seconds of each step, and when there are enough of them."""

    watch: Watch
    seconds: list[float]

    def on_step(self, result: StepResult) -> None:
        self.seconds.append(result.seconds)
        self.watch()

    def is_enough(self) -> bool:
        return len(self.seconds) >= BANDS and sum(self.seconds) >= FLOOR_S


def measure_throughput(
    backend: Backend, head: Head, recipe: RecipeContract, adapter: AdapterContract, watch: Watch
) -> Throughput:
    """`watch` is called between steps, outside the measured time. Raises what the backend raises."""
    job = _job(head, recipe, adapter)
    clock = StepClock(watch, [])
    try:
        backend.train(job, clock.on_step, clock.is_enough)
    except Stopped:
        watch()
    step_tokens = job.shard.tokens // SHARD_STEPS
    bands = band_speeds(clock.seconds, step_tokens)
    return Throughput(
        vocab_size=head.vocab_size,
        hidden_size=head.hidden_size,
        rank=adapter.rank,
        chunk_tokens=backend.chunk_tokens,
        threads=recipe.threads,
        step_tokens=step_tokens,
        steps=len(clock.seconds),
        seconds=sum(clock.seconds),
        band_tokens_per_second=bands,
        median_tokens_per_second=statistics.median(bands),
        lowest_tokens_per_second=min(bands),
        highest_tokens_per_second=max(bands),
    )


def band_speeds(step_seconds: list[float], step_tokens: int) -> tuple[float, ...]:
    """Tokens per second of BANDS runs of neighbouring steps. Raises ValueError for fewer steps than bands."""
    if len(step_seconds) < BANDS:
        raise ValueError(f"throughput: expected at least {BANDS} steps, got {len(step_seconds)}")
    parts = np.array_split(np.asarray(step_seconds), BANDS)
    return tuple(float(len(part) * step_tokens / part.sum()) for part in parts)


def _job(head: Head, recipe: RecipeContract, adapter: AdapterContract) -> TrainingJob:
    """Steps of `batch_samples` samples that fill one chunk; their values don't matter to the arithmetic's speed."""
    sample_tokens = max(1, recipe.chunk_tokens // recipe.batch_samples)
    step_tokens = sample_tokens * recipe.batch_samples
    random = np.random.Generator(np.random.PCG64(recipe.seed))
    hidden = f32_to_bf16(random.standard_normal((step_tokens, head.hidden_size)).astype(np.float32))
    targets = random.integers(0, head.vocab_size, step_tokens * SHARD_STEPS).astype(np.int32)
    offsets = np.arange(0, step_tokens * SHARD_STEPS + 1, sample_tokens, dtype=np.int64)
    samples = len(offsets) - 1
    return TrainingJob(
        head=head,
        shard=Shard("BF16", np.tile(hidden, (SHARD_STEPS, 1)), targets, offsets),
        initial=initial_adapter(recipe.seed, adapter.rank, head.hidden_size, head.vocab_size),
        adapter=adapter,
        recipe=recipe.model_copy(update={"steps": MOST_STEPS}),
        batches=tuple(_batch(step, recipe.batch_samples, samples) for step in range(MOST_STEPS)),
    )


def _batch(step: int, size: int, samples: int) -> tuple[int, ...]:
    return tuple((step * size + index) % samples for index in range(size))
