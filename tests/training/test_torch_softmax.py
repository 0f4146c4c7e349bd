"""The blocked softmax of torch, and Triton's two kernels under its interpreter, against float64 on whole rows."""

import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from runners.training.torch_softmax import BlockedSoftmax, ChunkSoftmax
from runners.training.torch_threads import BlockThreads


def problem(tokens: int, vocabulary: int, rank: int, spread: float) -> tuple[Tensor, Tensor, Tensor]:
    """Logits [n, V], s u [n, r] and B [V, r], with rows whose blocks' maxima lie far apart."""
    random = torch.Generator().manual_seed(tokens * vocabulary + rank)
    logits = torch.randn((tokens, vocabulary), generator=random) * spread
    logits[:, : vocabulary // 2] -= 4 * spread
    return logits, torch.randn((tokens, rank), generator=random), torch.randn((vocabulary, rank), generator=random) / 4


def expect_whole_rows(softmax: ChunkSoftmax, logits: Tensor, scaled_u: Tensor, b: Tensor) -> None:
    """Z, G and the gradient of B, each relative to the largest of its values."""
    whole = logits.double() + scaled_u.double() @ b.double().T
    probabilities = whole.softmax(dim=1)
    log_total = softmax.total.double().log() + softmax.top.double()
    torch.testing.assert_close(log_total, whole.logsumexp(dim=1), rtol=1e-6, atol=1e-6)
    mean_of_b = (softmax.weighted / softmax.total[:, None]).double()
    torch.testing.assert_close(mean_of_b, probabilities @ b.double(), rtol=1e-5, atol=1e-6)
    grad_b = torch.ones_like(b)  # is added to
    softmax.add_gradient(grad_b, scaled_u / softmax.total[:, None])
    torch.testing.assert_close(grad_b.double() - 1, probabilities.T @ scaled_u.double(), rtol=1e-5, atol=1e-5)


# One token, one word, one less and one more than a tile and than a strip of tiles, ranks that are no power of 2.
SHAPES = [
    (5, 700, 8, 1.0), (16, 1024, 16, 8.0), (1, 1, 1, 1.0), (64, 33, 5, 1.0), (3, 130, 100, 1.0), (65, 2500, 3, 30.0),
    (33, 2049, 20, 3.0),
]  # fmt: skip


@pytest.mark.parametrize(("tokens", "vocabulary", "rank", "spread"), SHAPES)
def test_blocks_of_any_size_give_the_softmax_of_whole_rows(
    tokens: int, vocabulary: int, rank: int, spread: float
) -> None:
    logits, scaled_u, b = problem(tokens, vocabulary, rank, spread)
    for threads, rows in ((1, 1), (2, 300), (3, vocabulary)):
        tiles = [part.clone() for part in torch.split(logits, rows, dim=1)]
        exponentials = [torch.empty_like(tile) for tile in tiles]
        softmax = BlockedSoftmax(tiles.__getitem__, BlockThreads(threads), scaled_u, b, rows, exponentials)
        expect_whole_rows(softmax, logits, scaled_u, b)


def test_the_kernels_compute_the_same_under_tritons_interpreter() -> None:
    """In a process of its own: the interpreter is chosen by a variable that Triton reads when it is imported."""
    pytest.importorskip("triton", reason="Triton comes with the `train` extra on Linux x86_64 only")
    argv = [sys.executable, "-m", "tests.training.kernels_interpreted"]
    done = subprocess.run(
        argv, env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["shapes", str(len(SHAPES)), "repeated", "same", "far", "found"]
