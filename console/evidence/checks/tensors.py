"""Safetensors read from hostile bytes: own header check first, numpy views after."""

import struct
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from console.evidence.checks.stored import UnreadableError, parse

MAX_HEADER_BYTES = 1024 * 1024
ITEM_BYTES = {"F32": 4, "F64": 8, "BF16": 2, "I32": 4, "I64": 8}
TENSOR_A = "base_model.model.lm_head.lora_A.weight"  # [r, d]
TENSOR_B = "base_model.model.lm_head.lora_B.weight"  # [V, r]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Entry:
    """A tensor in a header; `begin` and `end` count from the first byte of the file."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Header:
    entries: dict[str, Entry]
    metadata: dict[str, Any]


def read_header(head: bytes, file_bytes: int) -> Header:
    """Tensors by name; they fill the file without a gap. Raises UnreadableError."""
    if len(head) < 8:
        raise UnreadableError("a safetensors header", f"{len(head)} bytes")
    (length,) = struct.unpack("<Q", head[:8])
    if length > MAX_HEADER_BYTES or 8 + length > len(head):
        raise UnreadableError(f"a header of at most {MAX_HEADER_BYTES} bytes", str(length))
    body = parse(head[8 : 8 + length].rstrip(b" "), limit=MAX_HEADER_BYTES)
    if not isinstance(body, dict):
        raise UnreadableError("a header that is an object", type(body).__name__)
    metadata = body.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise UnreadableError("metadata of texts", repr(metadata)[:80])
    entries = {name: _entry(name, value, 8 + length) for name, value in body.items()}
    position = 8 + length
    for entry in sorted(entries.values(), key=lambda item: (item.begin, item.end)):
        if entry.begin != position:
            raise UnreadableError(f"the next tensor at byte {position}", str(entry.begin))
        position = entry.end
    if position != file_bytes:
        raise UnreadableError(f"tensors up to byte {file_bytes}", str(position))
    return Header(entries, metadata)


def _entry(name: str, value: Any, start: int) -> Entry:
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise UnreadableError(f"dtype, shape and data_offsets of {name[:80]!r}", repr(value)[:80])
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        raise UnreadableError(f"a known dtype of {name[:80]!r}", repr(dtype)[:80])
    if not _sizes(shape) or not _sizes(offsets) or len(offsets) != 2 or len(shape) > 4:
        raise UnreadableError(f"whole sizes of {name[:80]!r}", repr(value)[:80])
    if offsets[1] - offsets[0] != prod(shape) * ITEM_BYTES[dtype]:
        raise UnreadableError(f"{prod(shape)} items of {dtype} in {name[:80]!r}", f"{offsets[1] - offsets[0]} bytes")
    return Entry(dtype, tuple(shape), start + offsets[0], start + offsets[1])


def _sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


@dataclass(frozen=True)
class Adapter:
    """A LoRA of the head: delta = scale B A, with A [r, d] and B [V, r] in float64, scale = alpha / r."""

    a: Floats
    b: Floats
    a_bytes: bytes
    b_bytes: bytes
    metadata: dict[str, Any]

    @property
    def rank(self) -> int:
        return int(self.a.shape[0])

    def same_bytes(self, other: "Adapter") -> bool:
        return (self.a.shape, self.b.shape, self.a_bytes, self.b_bytes) == (
            other.a.shape,
            other.b.shape,
            other.a_bytes,
            other.b_bytes,
        )


def read_adapter(raw: bytes) -> Adapter:
    """Exactly the two tensors of a head adapter, f32, finite, with shapes that fit. Raises UnreadableError."""
    header = read_header(raw, len(raw))
    entries = header.entries
    if set(entries) != {TENSOR_A, TENSOR_B}:
        raise UnreadableError(f"tensors {TENSOR_A} and {TENSOR_B}", repr(sorted(entries))[:160])
    a, b = entries[TENSOR_A], entries[TENSOR_B]
    if (a.dtype, b.dtype) != ("F32", "F32") or len(a.shape) != 2 or len(b.shape) != 2 or a.shape[0] != b.shape[1]:
        raise UnreadableError("A [r, d] and B [V, r] in F32", f"{a.dtype} {a.shape}, {b.dtype} {b.shape}")
    if 0 in a.shape or 0 in b.shape:
        raise UnreadableError("tensors with items", f"{a.shape}, {b.shape}")
    a_bytes, b_bytes = raw[a.begin : a.end], raw[b.begin : b.end]
    adapter = Adapter(_floats(a_bytes, a.shape), _floats(b_bytes, b.shape), a_bytes, b_bytes, header.metadata)
    if not (np.isfinite(adapter.a).all() and np.isfinite(adapter.b).all()):
        raise UnreadableError("finite numbers", "a NaN or an infinity")
    return adapter


def _floats(data: bytes, shape: tuple[int, ...]) -> Floats:
    return np.frombuffer(data, dtype="<f4").reshape(shape).astype(np.float64)
