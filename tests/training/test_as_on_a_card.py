"""A step as a card does it, walked on the processor: by the whole product of each chunk."""

import weakref

import pytest
import torch
from torch import Tensor

from runners.training.backend import Rows, ignore_step
from runners.training.backends import load
from runners.training.steps import Work
from runners.training.torch_head import TorchHead
from runners.training.torch_logits import ComputedLogits
from runners.training.torch_placement import TorchPlacement
from runners.training.torch_threads import BlockThreads
from tests.training.problems import job, relative_difference

pytestmark = pytest.mark.torch


class Placement(TorchPlacement):
    """Not by the processor's blocks."""

    @property
    def _whole(self) -> bool:
        return True


def placement(chunk_tokens: int) -> tuple[Placement, list[Rows]]:
    work = job(3, vocab_size=300)
    head = TorchHead(work.head, torch.device("cpu"))
    parts = Work(work.shard, work.initial, work.scale, work.recipe)
    placed = Placement(head, parts, chunk_tokens, ComputedLogits(head), BlockThreads(1))
    return placed, [work.shard.rows(batch) for batch in work.batches]


@pytest.mark.parametrize("chunk_tokens", [1, 7, 512])
def test_steps_by_any_chunk_follow_float64(chunk_tokens: int) -> None:
    placed, batches = placement(chunk_tokens)
    losses = [placed.step(rows) for rows in batches]
    expected = load("reference", threads=1, chunk_tokens=512).train(job(3, vocab_size=300), ignore_step)
    assert losses == pytest.approx(expected.step_losses, rel=1e-5)
    assert relative_difference(placed.state()[0], expected.adapter) <= 1e-4


def test_the_logits_of_one_chunk_are_alive_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are nearly all that a step takes, and one chunk of them is what is counted."""
    made: list[weakref.ref[Tensor]] = []
    alive: list[int] = []
    product = TorchHead.product

    def counted(head: TorchHead, h: Tensor) -> Tensor:
        alive.append(sum(each() is not None for each in made))
        logits = product(head, h)
        made.append(weakref.ref(logits))
        return logits

    monkeypatch.setattr(TorchHead, "product", counted)
    placed, batches = placement(chunk_tokens=16)
    placed.step(batches[0])
    placed.summed_loss(batches[0])
    assert len(made) >= 4
    assert set(alive) == {0}
