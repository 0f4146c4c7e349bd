"""A training checkpoint as arrays, read from bytes that nobody vouches for."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from console.validation.adapter import Adapter, Matrix, read_adapter
from runners.contract.lane import RecipeContract
from runners.contract.plan import MOMENTS_A, MOMENTS_B, STEP_LOSSES, TENSOR_A, TENSOR_B, Assignment
from runners.records.durable import open_regular
from runners.records.errors import TensorFileError
from runners.records.tensors import MAX_HEADER_BYTES, RawTensor, parse_header
from runners.records.training_state import expected_tensors, read_training_state

MOMENT_NAMES = ("mean_a", "square_a", "mean_b", "square_b")
ROUNDING = 1.01  # a mean of 0.994 times the bound was measured in an honest training
UNDERFLOW = 1e-16  # the square of a gradient below this isn't in f32 any more, and its mean moves nothing


@dataclass(frozen=True)
class State:
    """Where a training stands: at the end of a segment, or at its start."""

    adapter: Adapter
    moments: dict[str, Matrix]  # by MOMENT_NAMES; empty where only the adapter is known
    step_losses: tuple[float, ...]  # of the steps 1 on; empty where only the adapter is known


def read_state(raw: bytes, assignment: Assignment, step: int, *, name: str) -> State:
    """Exactly the expected tensors, all finite, no mean square below zero; factors and moments that AdamW can have come
    to from the assigned start, A within 1/sqrt(d) and B zero. Raises TensorFileError."""
    tensors = read_training_state(raw, assignment, step, name=name)
    matrices = {key: _finite(tensor, f"{name}: {key}") for key, tensor in tensors.items() if key != STEP_LOSSES}
    losses = np.frombuffer(tensors[STEP_LOSSES].data, dtype="<f8")
    if not np.isfinite(losses).all():
        raise TensorFileError(f"{name}: {STEP_LOSSES}: expected finite losses, got infinite ones or NaN")
    if any((matrices[key] < 0).any() for key in (MOMENTS_A[1], MOMENTS_B[1])):
        raise TensorFileError(f"{name}: expected mean squares of zero or more, got negative ones")
    moved = furthest(assignment.recipe, step)
    for factor, most in ((TENSOR_A, assignment.head.hidden_size**-0.5 + moved), (TENSOR_B, moved)):
        if (np.abs(matrices[factor]) > ROUNDING * most).any():
            raise TensorFileError(
                f"{name}: {factor}: expected values of at most {most:.3g}, as far as AdamW comes from the start in"
                f" {step} steps, got more"
            )
    bound = mean_bound(assignment.recipe, step)
    for mean, square in (MOMENTS_A, MOMENTS_B):
        if (np.abs(matrices[mean]) > ROUNDING * bound * np.sqrt(matrices[square]) + UNDERFLOW).any():
            raise TensorFileError(
                f"{name}: {mean}: expected at most {bound:.3g} times the root of {square}, as AdamW comes to after"
                f" {step} steps, got more"
            )
    adapter = Adapter(matrices[TENSOR_A], matrices[TENSOR_B], assignment.adapter.alpha, {})
    moments = dict(zip(MOMENT_NAMES, (matrices[key] for key in (*MOMENTS_A, *MOMENTS_B)), strict=True))
    return State(adapter, moments, tuple(float(loss) for loss in losses))


def mean_bound(recipe: RecipeContract, steps: int) -> float:
    """No gradients give AdamW a mean of more than this times the root of its mean square (Cauchy and Schwarz, over the
    weights of both sums). So a step from a checkpoint that keeps it is bounded, and a replay can't be made to diverge
    by moments that were made up."""
    return list(_mean_bounds(recipe, steps))[-1] if steps else 0.0


def furthest(recipe: RecipeContract, steps: int) -> float:
    """No gradients move a weight further than this. A delta within its bound may be of factors that are not: with A a
    thousandfold and B a thousandth, a replay's next step is a thousandfold too."""
    moved = 0.0
    for step, bound in enumerate(_mean_bounds(recipe, steps), start=1):
        moved += recipe.learning_rate * bound * math.sqrt(1 - recipe.beta2**step) / (1 - recipe.beta1**step)
    return moved


def _mean_bounds(recipe: RecipeContract, steps: int) -> Iterator[float]:
    """After each step."""
    sums, weight = 0.0, 1.0
    for _ in range(steps):
        sums += weight
        weight *= recipe.beta1**2 / recipe.beta2 if recipe.beta2 else math.inf
        yield math.sqrt((1 - recipe.beta1) ** 2 / (1 - recipe.beta2) * sums)


def losses_in(path: Path, assignment: Assignment, step: int) -> tuple[float, ...]:
    """Of a checkpoint that is kept as sound: only the losses are read. Raises TensorFileError, UnsafePath."""
    fd = open_regular(path)
    try:
        size = os.fstat(fd).st_size
        header = parse_header(os.pread(fd, 8 + MAX_HEADER_BYTES, 0), file_bytes=size, name=path.name)
        dtype, shape, begin, end = header.tensors[STEP_LOSSES]
        if (dtype, shape) != expected_tensors(assignment, step)[STEP_LOSSES]:
            raise TensorFileError(f"{path.name}: {STEP_LOSSES}: expected {step} losses, got {dtype} {list(shape)}")
        return tuple(float(loss) for loss in np.frombuffer(os.pread(fd, end - begin, begin), dtype="<f8"))
    finally:
        os.close(fd)


def of_adapter(raw: bytes, assignment: Assignment, *, name: str) -> State:
    """The end of the last segment, or the assigned start, whose moments are zeros. Raises TensorFileError."""
    return State(read_adapter(raw, alpha=assignment.adapter.alpha, name=name), {}, ())


def _finite(tensor: RawTensor, where: str) -> Matrix:
    values: NDArray[np.float32] = np.frombuffer(tensor.data, dtype="<f4").reshape(tensor.shape)
    if not np.isfinite(values).all():
        raise TensorFileError(f"{where}: expected finite values, got infinite ones or NaN")
    return values
