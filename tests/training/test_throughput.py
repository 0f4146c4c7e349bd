"""Throughput from enough work, in bands that show its noise."""

import pytest

from runners.contract.lane import AdapterContract
from runners.training.backend import OnState, OnStep, ShouldStop, StepResult, TrainingJob, TrainingResult, never_stop
from runners.training.backends import load
from runners.training.gate import ALPHA, RANK, gate_job
from runners.training.reference_backend import ReferenceBackend
from runners.training.throughput import BANDS, FLOOR_S, MOST_STEPS, band_speeds, measure_throughput

JOB = gate_job(2)
ADAPTER = AdapterContract(
    family="gpt_oss.decoder_lm_head_lora", format="safetensors", precision="f32_reference", rank=RANK, alpha=ALPHA
)


class Timed(ReferenceBackend):
    """Does no work: each step takes as long as it is told."""

    def __init__(self, seconds: float) -> None:
        super().__init__(threads=1, chunk_tokens=128)
        self.seconds = seconds

    def train(
        self,
        job: TrainingJob,
        on_step: OnStep,
        should_stop: ShouldStop = never_stop,
        on_state: OnState | None = None,
    ) -> TrainingResult:
        for step in range(len(job.batches)):
            if should_stop():
                break
            on_step(StepResult(step + 1, 1.0, 8, 128, self.seconds))
        return TrainingResult(job.start)


def test_a_real_backend_is_measured_for_the_floor_at_the_lanes_geometry() -> None:
    looked: list[int] = []
    backend = load("torch", threads=1, chunk_tokens=JOB.recipe.chunk_tokens)
    speed = measure_throughput(backend, JOB.head, JOB.recipe, ADAPTER, lambda: looked.append(1))
    assert (speed.vocab_size, speed.hidden_size, speed.rank) == (1024, 64, RANK)
    assert speed.step_tokens == JOB.recipe.chunk_tokens == speed.chunk_tokens
    assert speed.seconds >= FLOOR_S or speed.steps == MOST_STEPS
    assert len(speed.band_tokens_per_second) == BANDS
    assert speed.lowest_tokens_per_second <= speed.median_tokens_per_second <= speed.highest_tokens_per_second
    assert speed.lowest_tokens_per_second <= speed.steps * speed.step_tokens / speed.seconds
    assert len(looked) >= speed.steps


@pytest.mark.parametrize(("seconds", "steps"), [(10.0, BANDS), (0.125, 8), (1e-9, MOST_STEPS)])
def test_a_slow_device_does_few_steps_and_a_fast_one_no_more_than_enough(seconds: float, steps: int) -> None:
    speed = measure_throughput(Timed(seconds), JOB.head, JOB.recipe, ADAPTER, lambda: None)
    assert speed.steps == steps
    assert speed.median_tokens_per_second == pytest.approx(128 / seconds)


def test_a_band_is_its_own_steps_and_no_others() -> None:
    speeds = band_speeds([1.0] * BANDS + [3.0] * BANDS, 10)
    assert len(speeds) == BANDS
    assert speeds[0] == 10.0
    assert speeds[-1] == pytest.approx(10 / 3)


def test_too_few_steps_for_the_bands_are_no_measurement() -> None:
    with pytest.raises(ValueError, match=f"at least {BANDS} steps, got 2"):
        band_speeds([1.0, 1.0], 10)
