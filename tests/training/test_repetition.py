"""One backend, one device, one setting: the same bits."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from runners.contract.jobs import BackendName
from runners.training import torch_head
from runners.training.backend import ignore_stage, ignore_step
from runners.training.backends import load
from runners.training.torch_threads import BlockThreads
from tests.patience import PATIENCE_S
from tests.training.digest_of_training import digest_of_training
from tests.training.problems import BACKENDS, job

STEPS = 12


@pytest.mark.parametrize("name", BACKENDS)
def test_the_same_job_twice_gives_the_same_bits(name: BackendName) -> None:
    assert digest_of_training(name, STEPS, threads=2) == digest_of_training(name, STEPS, threads=2)


@pytest.mark.usefixtures("on_the_processor")
def test_the_number_of_torchs_threads_changes_no_bit_and_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_head, "BLOCK_ROWS", 300)  # seven blocks and a rest
    digests = {digest_of_training("torch", STEPS, threads=threads) for threads in (1, 2, 5)}
    assert len(digests) == 1
    assert torch.get_num_threads() == 5


def test_a_block_that_fails_is_heard_of_when_all_threads_are_done() -> None:
    done: list[int] = []

    def work(index: int) -> None:
        if index == 3:
            raise MemoryError("block 3")
        done.append(index)

    with pytest.raises(MemoryError, match="block 3"):
        BlockThreads(2).each(40, work)
    assert sorted(done) == [index for index in range(40) if index != 3]


@pytest.mark.parametrize("name", ["torch", "mlx"])
def test_fresh_processes_give_the_same_bits(name: BackendName) -> None:
    argv = [sys.executable, "-m", "tests.training.digest_of_training", name, str(STEPS)]
    processes = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    first, second = (process.communicate(timeout=PATIENCE_S)[0] for process in processes)
    assert len(first.strip()) == 64
    assert first == second


@pytest.mark.parametrize("name", BACKENDS)
def test_training_again_on_one_backend_starts_from_the_start_again(name: BackendName) -> None:
    problem = job(STEPS)
    backend = load(name, threads=1, chunk_tokens=48)
    backend.prepare(problem, ignore_stage)
    first, second = (backend.train(problem, ignore_step) for _ in range(2))
    assert first.step_losses == second.step_losses
    assert np.array_equal(first.adapter.b, second.adapter.b)


@pytest.mark.parametrize("name", BACKENDS)
def test_training_leaves_the_jobs_own_arrays_alone(name: BackendName) -> None:
    problem = job(STEPS)
    before = [
        problem.initial.a.copy(),
        problem.initial.b.copy(),
        problem.shard.hidden.copy(),
        problem.head.weight.copy(),
    ]
    load(name, threads=1, chunk_tokens=48).train(problem, ignore_step)
    after = [problem.initial.a, problem.initial.b, problem.shard.hidden, problem.head.weight]
    assert all(np.array_equal(old, new) for old, new in zip(before, after, strict=True))
