"""Base logits that were kept are the ones that would be computed: to the bit in torch, and training can't tell."""

import numpy as np
import pytest

from runners.training import torch_backend, torch_head
from runners.training.backend import TrainingResult, ignore_step
from runners.training.backends import load
from tests.training.problems import job

STEPS = 24  # two and a half epochs of 40 samples in batches of 4


def trained(monkeypatch: pytest.MonkeyPatch, kept_bytes: int, *, threads: int, chunk_tokens: int) -> TrainingResult:
    monkeypatch.setattr(torch_backend, "BASE_LOGITS_BYTES", kept_bytes)
    return load("torch", threads=threads, chunk_tokens=chunk_tokens).train(job(STEPS), ignore_step)


@pytest.mark.parametrize(("threads", "chunk_tokens"), [(1, 512), (2, 48), (2, 7)])
@pytest.mark.parametrize("cast", [False, True])
def test_remembered_logits_change_no_bit_of_an_adapter(
    monkeypatch: pytest.MonkeyPatch, threads: int, chunk_tokens: int, cast: bool
) -> None:
    if cast:
        monkeypatch.setattr(torch_head, "F32_HEAD_BYTES", 0)
        monkeypatch.setattr(torch_head, "CAST_ROWS", 250)
    monkeypatch.setattr(torch_head, "BLOCK_ROWS", 600)
    computed, kept = (trained(monkeypatch, limit, threads=threads, chunk_tokens=chunk_tokens) for limit in (0, 1 << 30))
    assert computed.step_losses == kept.step_losses
    assert np.array_equal(computed.adapter.a, kept.adapter.a)
    assert np.array_equal(computed.adapter.b, kept.adapter.b)


@pytest.mark.skipif(
    not torch_head.has_onednn(), reason="only oneDNN's product gives a row the same bits beside any others"
)
@pytest.mark.usefixtures("on_the_processor")
def test_a_second_epoch_multiplies_by_the_head_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, products = job(STEPS), 0
    backend = load("torch", threads=1, chunk_tokens=512)
    multiply = torch_head.TorchHead.block_product

    def count(head, h, index):  # type: ignore[no-untyped-def]
        nonlocal products
        products += 1
        return multiply(head, h, index)

    monkeypatch.setattr(torch_head.TorchHead, "block_product", count)
    seen: list[int] = []
    backend.train(problem, lambda _: seen.append(products))
    assert seen[9] > 0
    assert seen[10:] == [seen[9]] * (STEPS - 10)
