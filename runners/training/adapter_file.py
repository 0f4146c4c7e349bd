"""Adapters on disk, in PEFT's names and orientation, and the start that all contributors share."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runners.contract.adapter_config import adapter_config_bytes
from runners.contract.names import Sha256
from runners.contract.plan import ADAPTER_CONFIG_FILE, ADAPTER_FILE, TENSOR_A, TENSOR_B, FileRef
from runners.records.durable import read_regular, write_durable
from runners.records.errors import TensorFileError, UnsafePath
from runners.records.tensors import MAX_HEADER_BYTES, RawTensor, read_tensors, write_tensors
from runners.training.backend import F32, AdapterWeights
from runners.training.errors import AdapterFileError


@dataclass(frozen=True, eq=False)
class StoredAdapter:
    """Weights, and the file that they were read from: hashed and parsed from the same bytes."""

    weights: AdapterWeights
    file: FileRef
    metadata: dict[str, str]


def initial_adapter(seed: int, rank: int, hidden_size: int, vocab_size: int) -> AdapterWeights:
    """A from U(-1/sqrt(d), 1/sqrt(d)), which is PEFT's kaiming_uniform(a=sqrt(5)); B zero, so the delta is zero.

    The numbers are the upper 24 bits of Philox's raw words under the key `seed`: NumPy freezes raw words for ever,
    but not what its generators make of them.
    """
    words = np.random.Philox(key=seed).random_raw(rank * hidden_size)
    unit = (words >> np.uint64(40)).astype(np.float64) / 2**24  # [0, 1)
    a = ((2 * unit - 1) / np.sqrt(hidden_size)).astype(np.float32).reshape(rank, hidden_size)
    return AdapterWeights(a, np.zeros((vocab_size, rank), np.float32))


def adapter_bytes(weights: AdapterWeights, assignment_digest: Sha256 | None = None) -> bytes:
    """The safetensors file; equal weights for one assignment give equal bytes."""
    bound = {} if assignment_digest is None else {"swarm_assignment": assignment_digest}
    return write_tensors({TENSOR_A: _raw(weights.a), TENSOR_B: _raw(weights.b)}, {"format": "pt", **bound})


def write_initial(path: Path, weights: AdapterWeights) -> FileRef:
    """One safetensors file, bound to no assignment."""
    return _write(path, adapter_bytes(weights))


def write_adapter(folder: Path, weights: AdapterWeights, assignment_digest: Sha256) -> FileRef:
    return _write(folder / ADAPTER_FILE, adapter_bytes(weights, assignment_digest))


def write_adapter_config(folder: Path, *, rank: int, alpha: float, base_label: str) -> FileRef:
    raw = adapter_config_bytes(rank=rank, alpha=alpha, base_label=base_label)
    return _write(folder / ADAPTER_CONFIG_FILE, raw)


def read_adapter(path: Path, *, rank: int, hidden_size: int, vocab_size: int) -> StoredAdapter:
    """Exactly A [r, d] and B [V, r] in f32, all finite. Raises AdapterFileError."""
    expected = {TENSOR_A: (rank, hidden_size), TENSOR_B: (vocab_size, rank)}
    limit = 8 + MAX_HEADER_BYTES + 4 * rank * (hidden_size + vocab_size)
    try:
        raw = read_regular(path, limit=limit)
        tensors, metadata = read_tensors(raw, name=path.name)
    except (UnsafePath, TensorFileError) as error:
        raise AdapterFileError(f"adapter {error}") from error
    if set(tensors) != set(expected):
        raise AdapterFileError(
            f"adapter {path.name}: expected tensors {sorted(expected)}, got {sorted(tensors)!r:.300}"
        )
    arrays = {name: _array(path.name, name, tensors[name], shape) for name, shape in expected.items()}
    file = FileRef(name=path.name, size_bytes=len(raw), sha256=hashlib.sha256(raw).hexdigest())
    return StoredAdapter(AdapterWeights(arrays[TENSOR_A], arrays[TENSOR_B]), file, metadata)


def _array(file: str, name: str, tensor: RawTensor, shape: tuple[int, int]) -> F32:
    if tensor.dtype != "F32" or tensor.shape != shape:
        got = f"{tensor.dtype} {list(tensor.shape)}"
        raise AdapterFileError(f"adapter {file}: {name}: expected F32 {list(shape)}, got {got}")
    values: F32 = np.frombuffer(tensor.data, dtype="<f4").reshape(shape).astype(np.float32)
    if not np.isfinite(values).all():
        raise AdapterFileError(f"adapter {file}: {name}: expected finite values, got infinite ones or NaN")
    return values


def _raw(values: F32) -> RawTensor:
    return RawTensor("F32", values.shape, np.ascontiguousarray(values, dtype="<f4").tobytes())


def _write(path: Path, raw: bytes) -> FileRef:
    write_durable(path, raw)
    return FileRef(name=path.name, size_bytes=len(raw), sha256=hashlib.sha256(raw).hexdigest())
