"""The bring-up gate trains for real, and sees a backend that doesn't."""

import dataclasses

import pytest

from runners.contract.jobs import BackendName
from runners.training.backend import OnStage, OnState, OnStep, ShouldStop, TrainingJob, TrainingResult, never_stop
from runners.training.backends import load
from runners.training.errors import GateFailed
from runners.training.gate import gate_job, run_gate
from runners.training.reference_backend import ReferenceBackend
from runners.training.software import software
from tests.training.problems import BACKENDS

GATE_HEAD_SHA256 = "404a495ef1939a5977b3564725ceade005c3d5444067c29ef5fd1cc0056ca574"


@pytest.mark.parametrize("name", BACKENDS)
def test_every_backend_passes_the_gate_and_says_what_it_did(name: BackendName) -> None:
    backend = load(name, threads=1, chunk_tokens=64)
    result = run_gate(backend, steps=5)
    assert len(result.step_losses) == 5
    assert result.final_loss < result.initial_loss
    assert (result.samples, result.tokens) == (5 * 8, 5 * 8 * 16)
    assert result.seconds > 0
    assert result.refusal == "expected precision f32_reference, got bf16_mixed"
    assert result.adapter_sha256 != result.initial_adapter_sha256
    assert software(backend).backend.startswith("numpy@" if name == "reference" else f"{name}@")


def test_the_gate_gives_one_backend_the_same_adapter_each_time() -> None:
    digests = {run_gate(load("torch", threads=1, chunk_tokens=64), steps=5).adapter_sha256 for _ in range(2)}
    assert len(digests) == 1


class Forgetful(ReferenceBackend):
    """Trains, and hands back what it started from."""

    def train(
        self,
        job: TrainingJob,
        on_step: OnStep,
        should_stop: ShouldStop = never_stop,
        on_state: OnState | None = None,
    ) -> TrainingResult:
        trained = super().train(job, on_step, should_stop, on_state)
        return TrainingResult(dataclasses.replace(trained.state, weights=job.initial))


class Obliging(ReferenceBackend):
    """Accepts every precision."""

    def prepare(self, job: TrainingJob, on_stage: OnStage) -> None:
        """Checks nothing."""


def test_a_loss_that_does_not_fall_fails_the_gate() -> None:
    with pytest.raises(GateFailed, match=r"expected a loss below 7\.\d+ after 3 steps, got 7\."):
        run_gate(Forgetful(threads=1, chunk_tokens=64), steps=3)


def test_an_accepted_precision_fails_the_gate() -> None:
    with pytest.raises(GateFailed, match="to refuse precision bf16_mixed"):
        run_gate(Obliging(threads=1, chunk_tokens=64), steps=3)


def test_one_step_cannot_show_a_falling_loss() -> None:
    with pytest.raises(ValueError, match="at least two steps"):
        run_gate(Forgetful(threads=1, chunk_tokens=64), steps=1)


def test_the_gates_problem_is_the_same_on_every_host() -> None:
    assert gate_job(3).head.sha256 == gate_job(9).head.sha256 == GATE_HEAD_SHA256
