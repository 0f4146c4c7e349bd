"""What only a CUDA card can show: the compiled kernels, the library's bf16 product, the same bits again.

The other tests of training compute on the card too where there is one, since torch's backend takes it.
"""

import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from runners.contract.node_records import CardFigures
from runners.process.card_asker import Card, teller
from runners.process.probes.accelerator import accelerator
from runners.process.probes.accelerator_now import card_uuid, held_memory
from runners.process.probes.product import probe_product
from runners.training.backend import TrainingJob, ignore_step
from runners.training.backends import load
from runners.training.head import Head, as_f32, f32_to_bf16
from runners.training.memory import MIB, Tiling, Workload, needed, needs_of
from runners.training.shards import Shard
from runners.training.torch_head import TorchHead, to_device
from tests.training.problems import RANK, head, job, relative_difference
from tests.training.softmax_problems import SHAPES, expect_whole_rows, problem

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.torch,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA card here"),
]
STEPS = 20
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("tokens", "vocabulary", "rank", "spread"), SHAPES)
def test_the_compiled_kernels_give_the_softmax_of_whole_rows(
    tokens: int, vocabulary: int, rank: int, spread: float
) -> None:
    from runners.training.triton_softmax import TritonSoftmax

    logits, scaled_u, b = (each.cuda() for each in problem(tokens, vocabulary, rank, spread))
    expect_whole_rows(TritonSoftmax(logits.clone(), scaled_u, b), logits, scaled_u, b)


def test_a_product_of_bf16_is_that_of_f32() -> None:
    """Both factors are exact in f32, so only the order of summation is left: 2880 terms, against float64."""
    random = np.random.default_rng(3)
    of_head = head(512, 2880)
    hidden = f32_to_bf16(random.standard_normal((48, 2880)).astype(np.float32))
    got = TorchHead(of_head, torch.device("cuda:0")).product(to_device(hidden, torch.device("cuda:0")))
    exact = as_f32(hidden).astype(np.float64) @ of_head.weight_f32().astype(np.float64).T
    assert got.dtype == torch.float32
    error = float(np.abs(got.cpu().numpy() - exact).max() / np.abs(exact).max())
    print(f"largest error of the bf16 product, over the largest value: {error:.2e}")
    assert error < 1e-5


@pytest.mark.parametrize("dtypes", ["bf16 head, bf16 states", "bf16 head, f32 states", "f32 head, f32 states"])
@pytest.mark.parametrize("chunk_tokens", [16, 64, 512])
def test_twenty_steps_follow_float64(dtypes: str, chunk_tokens: int) -> None:
    work = _of_dtypes(job(STEPS), dtypes)
    got = load("torch", threads=1, chunk_tokens=chunk_tokens).train(work, ignore_step)
    expected = load("reference", threads=1, chunk_tokens=512).train(work, ignore_step)
    assert got.step_losses == pytest.approx(expected.step_losses, rel=1e-5)
    relative = relative_difference(got.adapter, expected.adapter)
    print(f"{dtypes}, chunks of {chunk_tokens}: relative difference of the delta {relative:.2e}")
    assert relative <= 1e-4


def test_the_same_job_gives_the_same_bits_on_a_card() -> None:
    """Targets repeat, and their rows of B are summed without atomics."""
    work = job(STEPS)
    first, second = (load("torch", threads=1, chunk_tokens=48).train(work, ignore_step) for _ in range(2))
    assert first.step_losses == second.step_losses
    assert first.adapter.b.tobytes() == second.adapter.b.tobytes()
    assert first.adapter.a.tobytes() == second.adapter.a.tobytes()


def test_the_card_is_named_and_computes_in_f32() -> None:
    device = load("torch", threads=1, chunk_tokens=16).device()
    assert (device.kind, device.device_label, device.tf32) == ("cuda", "cuda:0", False)
    assert device.name == torch.cuda.get_device_name(0)
    facts = accelerator(device)
    assert facts.sources == ("nvml", "torch.cuda")
    assert facts.driver is not None
    assert 0 < facts.memory_free_before_bytes <= facts.memory_total_bytes
    probe = probe_product("torch", device)
    assert probe.bf16 is not None
    print(f"error of a product of f32 {probe.relative_error:.2e}, of bf16 {probe.bf16.relative_error:.2e}")
    assert probe.relative_error < 1e-6  # TF32 would be off by 1e-4 and more
    assert probe.bf16.relative_error < 1e-5


def test_what_the_card_does_now_is_read_by_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real driver, as a runner asks it. (Not run on a card yet.)"""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    device = load("torch", threads=1, chunk_tokens=16).device()
    held = torch.zeros(1 << 26, device="cuda:0")
    counted = held_memory(device)
    assert counted is not None
    now = counted()
    with closing(Card(teller(card_uuid(device), device.name))) as card:
        told = card.read()
    assert now is not None
    assert now.arrays_bytes >= held.numel() * 4
    assert isinstance(told, CardFigures)
    print(told, now)
    assert told.used_bytes is not None
    assert told.total_bytes is not None
    assert now.arrays_bytes <= told.used_bytes <= told.total_bytes


@pytest.mark.parametrize("chunks", [1, 4])
@pytest.mark.parametrize(("vocabulary", "hidden", "chunk"), [(70_000, 1024, 128), (201_088, 2880, 512)])
def test_what_a_training_takes_is_within_what_is_counted(vocabulary: int, hidden: int, chunk: int, chunks: int) -> None:
    """Whether a step is one chunk or four of them. (Four were not run on a card yet.)"""
    sizes = (vocabulary, hidden, chunk, chunks * chunk)
    argv = [sys.executable, "-m", "tests.training.peak_of_training", "torch", *map(str, sizes)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    taken = dict(zip(("host", "device"), map(int, done.stdout.split()), strict=True))
    work = Workload(vocabulary, hidden, RANK, head_item=2, tokens=16 * chunks * chunk)
    for need in needs_of(needed("torch.cuda", work, chunk, Tiling(256, 2048)), {"host": 0, "device": 0}):
        got = taken[need.where]
        print(f"{need.where}: {got / MIB:.0f} of {need.needed_bytes / MIB:.0f} MiB")
        assert need.needed_bytes / 3 < got <= need.needed_bytes


def _of_dtypes(work: TrainingJob, dtypes: str) -> TrainingJob:
    if dtypes.endswith("f32 states"):
        shard = work.shard
        work = replace(work, shard=Shard("F32", shard.hidden_f32(), shard.targets, shard.offsets))
    if dtypes.startswith("f32 head"):
        base = work.head
        work = replace(work, head=Head(base.name, "F32", base.weight_f32(), base.sha256, tied=base.tied))
    return work
