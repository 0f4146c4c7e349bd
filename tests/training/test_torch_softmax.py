"""The blocked softmax of torch, and Triton's two kernels under its interpreter, against float64 on whole rows."""

import os
import subprocess
import sys

import pytest
import torch

from runners.training.torch_softmax import BlockedSoftmax
from runners.training.torch_threads import BlockThreads
from tests.training.softmax_problems import SHAPES, expect_whole_rows, problem


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
