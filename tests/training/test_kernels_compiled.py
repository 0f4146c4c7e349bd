"""Triton's two kernels compiled for cards that aren't here: its own compiler needs none. Do they fit into them?"""

import subprocess
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("triton", reason="Triton comes with the `train` extra on Linux x86_64 only")

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.runtime.interpreter import InterpretedFunction

from runners.training import triton_softmax as kernels
from runners.training.errors import BackendUnavailable
from runners.training.torch_placement import _kernels, kernel_sizes

pytestmark = pytest.mark.torch
SHARED_BYTES = {89: 99 * 1024, 90: 227 * 1024}  # of one program at most: RTX 4080, H100 (CUDA's programming guide)
POINTERS = ("logits", "scaled_u", "b", "tops", "sums", "products", "factor", "grad_b")


@pytest.mark.parametrize("rank", [8, 32, 64, kernels.MOST_RANK])
@pytest.mark.parametrize("capability", [89, pytest.param(90, marks=pytest.mark.soak)])
def test_both_kernels_fit_into_a_cards_shared_memory(
    rank: int, capability: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a card too large a tile is refused when it is launched."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    ranks, precision = kernels.ranks_of(rank), kernels.PRECISION
    softmax = {"RANKS": ranks, "ROWS": kernels.ROWS, "COLUMNS": kernels.COLUMNS, "TILES": kernels.TILES}
    gradient = {"RANKS": ranks, "ROWS": kernels.GRADIENT_ROWS, "COLUMNS": kernels.gradient_columns(rank)}
    for kernel, sizes, warps, stages in (
        (kernels._softmax_kernel, softmax, kernels.WARPS, kernels.STAGES),
        (kernels._gradient_kernel, gradient, kernels.GRADIENT_WARPS, kernels.GRADIENT_STAGES),
    ):
        fixed = {**sizes, "PRECISION": precision}
        types = {name: _type(name, fixed) for name in kernel.arg_names}
        aligned = {(at,): [["tt.divisibility", 16]] for at, type_ in enumerate(types.values()) if type_ == "*fp32"}
        source = ASTSource(
            fn=kernel, signature=types, attrs=aligned,
            constexprs={(kernel.arg_names.index(name),): value for name, value in fixed.items()},
        )  # fmt: skip
        options = {"num_warps": warps, "num_stages": stages}
        compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
        assert compiled.metadata.shared <= SHARED_BYTES[capability], kernel.__name__


class Undriven:
    """As Triton is on a host where its launcher can't be built."""

    def __init__(self, trouble: Exception) -> None:
        self._trouble = trouble

    @property
    def active(self) -> None:
        raise self._trouble


@pytest.mark.parametrize(
    "trouble",
    [
        RuntimeError("Failed to find C compiler."),
        subprocess.CalledProcessError(1, ["gcc", "main.c"]),  # no Python.h
        AssertionError("libcuda.so cannot found!"),
    ],
)
def test_a_host_without_a_compiler_is_told_what_to_install(trouble: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton.runtime, "driver", Undriven(trouble))
    with pytest.raises(BackendUnavailable, match=r"gcc python3-dev"):
        kernel_sizes(torch.device("cuda:0"))


def test_kernels_of_the_interpreter_are_not_taken_for_a_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_softmax_kernel", InterpretedFunction(kernels._softmax_kernel.fn))
    with pytest.raises(BackendUnavailable, match="unset TRITON_INTERPRET"):
        kernel_sizes(torch.device("cuda:0"))


def test_a_rank_that_no_tile_holds_goes_by_torchs_own_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "require_launcher", lambda: None)
    card = torch.device("cuda:0")
    assert _kernels(card, kernels.MOST_RANK) is kernels.TritonSoftmax
    assert _kernels(card, kernels.MOST_RANK + 1) is None


def _type(name: str, fixed: dict[str, Any]) -> str:
    return "constexpr" if name in fixed else "*fp32" if name in POINTERS else "i32"
