"""An adapter as arrays, read from bytes that nobody vouches for."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runners.contract.plan import TENSOR_A, TENSOR_B
from runners.records.errors import TensorFileError
from runners.records.tensors import RawTensor, read_tensors, write_tensors

Matrix = NDArray[np.float32]
ROUNDING = 1e-9  # far more than float64 loses in two sums


@dataclass(frozen=True)
class Adapter:
    """delta = scale * B @ A  (V, d), f32; scale = alpha / r."""

    a: Matrix  # [r, d]
    b: Matrix  # [V, r]
    alpha: float
    metadata: dict[str, str]

    @property
    def rank(self) -> int:
        return int(self.a.shape[0])

    @property
    def scale(self) -> float:
        return self.alpha / self.rank


def read_adapter(raw: bytes, *, alpha: float, name: str) -> Adapter:
    """Raises TensorFileError when the file is not exactly one A [r, d] and one B [V, r] in f32."""
    tensors, metadata = read_tensors(raw, name=name)
    if set(tensors) != {TENSOR_A, TENSOR_B}:
        raise TensorFileError(f"{name}: expected tensors {TENSOR_A} and {TENSOR_B}, got {sorted(tensors)!r:.200}")
    a, b = (_matrix(tensors[key], f"{name}: {key}") for key in (TENSOR_A, TENSOR_B))
    if a.shape[0] != b.shape[1]:
        raise TensorFileError(f"{name}: expected one rank, got {a.shape[0]} in A and {b.shape[1]} in B")
    return Adapter(a, b, alpha, metadata)


def _matrix(tensor: RawTensor, where: str) -> Matrix:
    if tensor.dtype != "F32" or len(tensor.shape) != 2 or 0 in tensor.shape:
        raise TensorFileError(f"{where}: expected a matrix in F32, got {tensor.dtype} {list(tensor.shape)}")
    return np.frombuffer(tensor.data, dtype="<f4").reshape(tensor.shape)


def adapter_bytes(a: Matrix, b: Matrix, metadata: dict[str, str]) -> bytes:
    return write_tensors({TENSOR_A: _raw(a), TENSOR_B: _raw(b)}, metadata)


def _raw(matrix: Matrix) -> RawTensor:
    return RawTensor("F32", tuple(matrix.shape), np.ascontiguousarray(matrix, dtype="<f4").tobytes())


def delta_norm(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """‖B A‖ (Frobenius) in float64 without forming (V, d): two thin QRs leave an r x r core."""
    core_b = np.asarray(np.linalg.qr(b, mode="r"))
    core_a = np.asarray(np.linalg.qr(a.T, mode="r"))
    return float(np.linalg.norm(core_b @ core_a.T))


def norm_past(a: NDArray[np.float64], b: NDArray[np.float64], bound: float) -> float | None:
    """‖B A‖, where that is past `bound`. It is at most ‖B‖ ‖A‖, which mostly settles it: a QR of each training state,
    with BLAS's threads beside the runner's, costs the host that trains more than a whole step."""
    if math.sqrt(np.square(a).sum() * np.square(b).sum()) * (1 + ROUNDING) <= bound:
        return None
    norm = delta_norm(a, b)
    return norm if not norm <= bound else None


def scaled(adapter: Adapter) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A and scale * B in float64."""
    return adapter.a.astype(np.float64), adapter.scale * adapter.b.astype(np.float64)
