"""W in MLX: in whose memory it lies, and that its products don't depend on that."""

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt
import pytest

from runners.training import mlx_head
from runners.training.backends import load
from runners.training.head import load_head
from runners.training.mlx_head import MlxHead, shared_memory, to_mlx
from tests.training.assignments import BASE
from tests.training.problems import head

F32 = npt.NDArray[np.float32]


def shared(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    view = shared_memory(values.shape, values.dtype)
    view[:] = values
    return view


def test_a_head_that_was_read_for_mlx_lies_in_memory_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlx_head, "F32_HEAD_BYTES", 0)
    read, expected = load_head(BASE, load("mlx", threads=1, chunk_tokens=8).head_memory), load_head(BASE)
    np.testing.assert_array_equal(read.weight, expected.weight)
    assert read.sha256 == expected.sha256
    before = mx.get_active_memory()
    placed = MlxHead(read)
    assert mx.get_active_memory() == before
    copied = MlxHead(expected)
    h = mx.ones((1, read.hidden_size))
    assert mx.array_equal(placed.product(h, 0), copied.product(h, 0))
    assert mx.get_active_memory() >= before + read.weight.nbytes


@pytest.mark.parametrize("part", [lambda a: a[1:], lambda a: a[:, :3], lambda a: a[::2], lambda a: a.T])
def test_what_shows_shared_memory_otherwise_is_copied_as_it_is_seen(part: Callable[[F32], F32]) -> None:
    values = np.arange(16, dtype=np.float32).reshape(4, 4)
    np.testing.assert_array_equal(np.array(to_mlx(part(shared(values)))), part(values))


@pytest.mark.parametrize("turns", [False, True])
@pytest.mark.parametrize("kept_bytes", [0, 1 << 30])
def test_products_are_those_of_the_weights_however_they_lie(
    turns: bool, kept_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlx_head, "F32_HEAD_BYTES", kept_bytes)
    monkeypatch.setattr(mlx_head, "BLOCK_ROWS", 600)
    monkeypatch.setattr(mlx_head, "reference_blas", lambda: turns)
    work, h = head(), np.random.default_rng(1).standard_normal((5, 64)).astype(np.float32)
    placed = MlxHead(work)
    products = [np.array(placed.product(mx.array(h), index)) for index in range(len(placed.blocks))]
    np.testing.assert_allclose(np.concatenate(products, 1), h @ work.weight_f32().T, rtol=1e-4, atol=1e-5)
