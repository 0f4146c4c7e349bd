"""Training checkpoints on disk: everything that a training needs to go on, to the bit."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from runners.contract.names import Sha256
from runners.contract.plan import (
    MOMENTS_A,
    MOMENTS_B,
    STEP_LOSSES,
    TENSOR_A,
    TENSOR_B,
    Assignment,
    FileRef,
    checkpoint_name,
)
from runners.records.durable import read_regular, write_parts
from runners.records.errors import TensorFileError, UnsafePath
from runners.records.tensors import RawTensor, tensor_parts
from runners.records.training_state import metadata_of, most_bytes, read_training_state
from runners.training.backend import F32, AdapterWeights, Moments, TrainingState
from runners.training.errors import StateFileError


@dataclass(frozen=True, eq=False)
class StoredState:
    """A state, and the file that it was read from: hashed and parsed from the same bytes."""

    state: TrainingState
    file: FileRef


def write_state(folder: Path, state: TrainingState, assignment_digest: Sha256) -> FileRef:
    """Durably, under the name of its step. The largest copy held is one tensor's. Raises OSError."""
    assert state.moments is not None, "a state before the first step is the assigned start"
    weights, moments = state.weights, state.moments
    tensors = {
        TENSOR_A: _raw(weights.a),
        TENSOR_B: _raw(weights.b),
        **dict(zip(MOMENTS_A, (_raw(moments.mean_a), _raw(moments.square_a)), strict=True)),
        **dict(zip(MOMENTS_B, (_raw(moments.mean_b), _raw(moments.square_b)), strict=True)),
        STEP_LOSSES: _raw(np.array(state.step_losses, dtype="<f8"), "F64"),
    }
    name = checkpoint_name(state.step)
    size_bytes, sha256 = write_parts(folder / name, tensor_parts(tensors, metadata_of(assignment_digest, state.step)))
    return FileRef(name=name, size_bytes=size_bytes, sha256=sha256)


def read_state(path: Path, assignment: Assignment, step: int) -> StoredState:
    """The tensors of a state after `step` steps and no others, all finite, no mean square below zero.
    Raises StateFileError."""
    try:
        raw = read_regular(path, limit=most_bytes(assignment))
        tensors = read_training_state(raw, assignment, step, name=path.name)
    except (UnsafePath, TensorFileError) as error:
        raise StateFileError(f"training checkpoint {error}") from error
    arrays = {key: _array(path.name, key, tensor) for key, tensor in tensors.items()}
    for key in (MOMENTS_A[1], MOMENTS_B[1]):
        if (arrays[key] < 0).any():
            raise StateFileError(f"training checkpoint {path.name}: {key}: expected mean squares, got negative values")
    weights = AdapterWeights(_f32(arrays[TENSOR_A]), _f32(arrays[TENSOR_B]))
    moments = Moments(*(_f32(arrays[key]) for key in (*MOMENTS_A, *MOMENTS_B)))
    losses = tuple(float(loss) for loss in arrays[STEP_LOSSES])
    file = FileRef(name=path.name, size_bytes=len(raw), sha256=hashlib.sha256(raw).hexdigest())
    return StoredState(TrainingState(step, weights, moments, losses), file)


def _raw(values: npt.NDArray[np.floating], dtype: str = "F32") -> RawTensor:
    flat = np.ascontiguousarray(values, dtype="<f8" if dtype == "F64" else "<f4")
    return RawTensor(dtype, values.shape, flat.data.cast("B"))


def _array(file: str, key: str, tensor: RawTensor) -> npt.NDArray[np.floating]:
    values = np.frombuffer(tensor.data, dtype="<f8" if tensor.dtype == "F64" else "<f4").reshape(tensor.shape)
    if not np.isfinite(values).all():
        raise StateFileError(f"training checkpoint {file}: {key}: expected finite values, got infinite ones or NaN")
    return values


def _f32(values: npt.NDArray[np.floating]) -> F32:
    return values.astype(np.float32)
