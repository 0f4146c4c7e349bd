"""`python -m console.evidence.norms_process FILE`: norms of a safetensors file as one JSON object.

A process of its own: it loads numpy and reads whole tensors, which a screen must do neither of.
"""

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from console.evidence.checks.stored import UnreadableError
from console.evidence.checks.tensors import TENSOR_A, TENSOR_B, read_adapter, read_header


def norms(path: Path) -> dict[str, Any]:
    """Norm, largest magnitude and non-finite count of each float tensor; of an adapter the spectrum of B A too."""
    raw = path.read_bytes()
    header = read_header(raw, len(raw))
    tensors = {name: _norm(raw, one) for name, one in header.entries.items() if one.dtype in ("F32", "BF16")}
    spectrum = _spectrum(raw) if {TENSOR_A, TENSOR_B} <= set(header.entries) else None
    return {"tensors": tensors, "delta": spectrum}


def _norm(raw: bytes, entry: Any) -> dict[str, float | int]:
    data = raw[entry.begin : entry.end]
    if entry.dtype == "BF16":
        values = (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4").astype(np.float64)
    else:
        values = np.frombuffer(data, "<f4").astype(np.float64)
    finite = values[np.isfinite(values)]
    largest = float(np.abs(finite).max()) if finite.size else 0.0
    return {"norm": float(np.linalg.norm(finite)), "largest": largest, "not_finite": int(values.size - finite.size)}


def _spectrum(raw: bytes) -> dict[str, Any]:
    """Singular values of B A [V, d] without building it: those of the small R_B R_A^T of two QR decompositions."""
    adapter = read_adapter(raw)
    small = np.linalg.qr(adapter.b).R @ np.linalg.qr(adapter.a.T).R.T
    values = np.linalg.svd(small, compute_uv=False)
    share = values / values.sum() if values.sum() else values
    entropy = -sum(one * math.log(one) for one in share if one > 0)
    return {"singular": [float(one) for one in values], "effective_rank": math.exp(entropy)}


def main() -> int:
    try:
        print(json.dumps(norms(Path(sys.argv[1]))))
    except (OSError, UnreadableError, ValueError) as error:
        print(json.dumps({"problem": str(error)[:300]}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
