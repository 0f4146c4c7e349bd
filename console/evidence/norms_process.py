"""`python -m console.evidence.norms_process FILE`: norms of a safetensors file as one JSON object.

A process of its own: it loads numpy and reads whole tensors, which a screen must do neither of.
"""

import json
import math
import mmap
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from console.evidence.checks.stored import UnreadableError
from console.evidence.checks.tensors import MAX_HEADER_BYTES, TENSOR_A, TENSOR_B, read_adapter, read_header
from console.evidence.kept_file import open_kept
from runners.records.errors import RecordsError

PIECE = 16 * 1024 * 1024  # bytes of a tensor at once: a file may be larger than this machine's memory
LARGEST_ADAPTER = 1024 * 1024 * 1024  # bytes of a file whose factors are decomposed


def norms(path: Path) -> dict[str, Any]:
    """Norm, largest magnitude and non-finite count of each float tensor; of an adapter the spectrum of B A too."""
    with os.fdopen(open_kept(path), "rb") as stream:
        raw = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    header = read_header(raw[: 8 + MAX_HEADER_BYTES], len(raw))
    tensors = {name: _norm(raw, one) for name, one in header.entries.items() if one.dtype in ("F32", "BF16")}
    factors = {TENSOR_A, TENSOR_B} <= set(header.entries) and len(raw) <= LARGEST_ADAPTER
    return {"tensors": tensors, "delta": _spectrum(raw[:]) if factors else None}


def _norm(raw: mmap.mmap, entry: Any) -> dict[str, float | int]:
    """Of the finite values, piece by piece."""
    squares, largest, not_finite = 0.0, 0.0, 0
    for begin in range(entry.begin, entry.end, PIECE):
        values = _floats(raw[begin : min(begin + PIECE, entry.end)], entry.dtype)
        finite = values[np.isfinite(values)]
        squares += float(np.square(finite).sum())
        largest = max(largest, float(np.abs(finite).max()) if finite.size else 0.0)
        not_finite += int(values.size - finite.size)
    return {"norm": math.sqrt(squares), "largest": largest, "not_finite": not_finite}


def _floats(data: bytes, dtype: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    if dtype == "BF16":
        return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4").astype(np.float64)
    return np.frombuffer(data, "<f4").astype(np.float64)


def _spectrum(raw: bytes) -> dict[str, Any]:
    """Singular values of B A [V, d] without building it: those of the small R_B R_A^T of two QR decompositions."""
    adapter = read_adapter(raw)
    small = np.linalg.qr(adapter.b).R @ np.linalg.qr(adapter.a.T).R.T
    values = np.linalg.svd(small, compute_uv=False)
    if not values.sum():
        return {"singular": [float(one) for one in values], "effective_rank": 0.0}  # nothing was learned yet
    entropy = -sum(one * math.log(one) for one in values / values.sum() if one > 0)
    return {"singular": [float(one) for one in values], "effective_rank": math.exp(entropy)}


def main() -> int:
    try:
        print(json.dumps(norms(Path(sys.argv[1]))))
    except (OSError, RecordsError, UnreadableError, ValueError, MemoryError) as error:
        print(json.dumps({"problem": (str(error) or type(error).__name__)[:300]}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
