"""Safetensors with the header checked before anything else, as raw bytes: no array library needed.

The library itself accepts duplicate keys, non-finite values and any tensor name, so hostile files come here first.
"""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from runners.contract.canonical import parse_strict
from runners.contract.errors import MalformedBytes
from runners.records.errors import TensorFileError

MAX_HEADER_BYTES = 1024 * 1024
ITEM_BYTES = {"F32": 4, "F64": 8, "BF16": 2, "I32": 4, "I64": 8}


@dataclass(frozen=True)
class RawTensor:
    """`data` is little-endian, row-major."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes | memoryview


Expected = dict[str, tuple[str, tuple[int, ...]]]  # name -> dtype, shape


@dataclass(frozen=True)
class TensorHeader:
    """Where each tensor lies; offsets count from the first byte of the file."""

    tensors: dict[str, tuple[str, tuple[int, ...], int, int]]  # name -> dtype, shape, begin, end
    metadata: dict[str, str]


def parse_header(raw: bytes, *, file_bytes: int, name: str) -> TensorHeader:
    """`raw` holds at least the length prefix and the header. Tensors must fill the rest of the file exactly."""
    if len(raw) < 8:
        raise TensorFileError(f"{name}: expected an 8-byte length, got {len(raw)} bytes")
    (length,) = struct.unpack("<Q", raw[:8])
    if length > MAX_HEADER_BYTES or 8 + length > file_bytes or len(raw) < 8 + length:
        raise TensorFileError(f"{name}: expected a header of at most {MAX_HEADER_BYTES} bytes, got {length}")
    try:
        body = parse_strict(raw[8 : 8 + length].rstrip(b" "), limit=MAX_HEADER_BYTES)
    except MalformedBytes as error:
        raise TensorFileError(f"{name}: header: {error}") from error
    if not isinstance(body, dict):
        raise TensorFileError(f"{name}: expected a JSON object as header, got {type(body).__name__}")
    metadata = body.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise TensorFileError(f"{name}: expected text metadata, got something else")
    start = 8 + length
    tensors = {key: _entry(name, key, value, start) for key, value in body.items()}
    _check_coverage(name, tensors, start, file_bytes)
    return TensorHeader(tensors, metadata)


def _entry(name: str, key: str, value: object, start: int) -> tuple[str, tuple[int, ...], int, int]:
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise TensorFileError(f"{name}: tensor {key!r}: expected dtype, shape and data_offsets, got {value!r:.80}")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if dtype not in ITEM_BYTES:
        raise TensorFileError(f"{name}: tensor {key!r}: expected one of {sorted(ITEM_BYTES)}, got {dtype!r}")
    whole = [isinstance(part, int) and not isinstance(part, bool) and part >= 0 for part in [*shape, *offsets]]
    if not all(whole) or len(offsets) != 2 or len(shape) > 4:
        raise TensorFileError(f"{name}: tensor {key!r}: expected whole sizes, got {shape!r} at {offsets!r}")
    begin, end = offsets
    if end - begin != prod(shape) * ITEM_BYTES[dtype]:
        raise TensorFileError(
            f"{name}: tensor {key!r}: expected {prod(shape)} items of {dtype}, got {end - begin} bytes"
        )
    return dtype, tuple(shape), start + begin, start + end


def _check_coverage(
    name: str, tensors: dict[str, tuple[str, tuple[int, ...], int, int]], start: int, file_bytes: int
) -> None:
    position = start
    for _, _, begin, end in sorted(tensors.values(), key=lambda entry: (entry[2], entry[3])):
        if begin != position:
            raise TensorFileError(f"{name}: expected the next tensor at byte {position}, got {begin}")
        position = end
    if position != file_bytes:
        raise TensorFileError(f"{name}: expected tensors up to byte {file_bytes}, got {position}")


def read_tensors(raw: bytes, *, name: str) -> tuple[dict[str, RawTensor], dict[str, str]]:
    """All tensors of a file that fits in memory, and its metadata. Raises TensorFileError."""
    header = parse_header(raw, file_bytes=len(raw), name=name)
    tensors = {
        key: RawTensor(dtype, shape, raw[begin:end]) for key, (dtype, shape, begin, end) in header.tensors.items()
    }
    return tensors, header.metadata


def require(tensors: dict[str, RawTensor], expected: Expected, *, name: str) -> None:
    """Exactly the expected names, dtypes and shapes. Raises TensorFileError."""
    if set(tensors) != set(expected):
        raise TensorFileError(f"{name}: expected tensors {sorted(expected)}, got {sorted(tensors)!r:.300}")
    for key, (dtype, shape) in expected.items():
        got = tensors[key]
        if (got.dtype, got.shape) != (dtype, shape):
            raise TensorFileError(f"{name}: {key}: expected {dtype} {list(shape)}, got {got.dtype} {list(got.shape)}")


def write_tensors(tensors: dict[str, RawTensor], metadata: dict[str, str]) -> bytes:
    """The file's bytes: tensors in name order, header in canonical spelling, so equal tensors give equal files."""
    return b"".join(tensor_parts(tensors, metadata))


def tensor_parts(tensors: dict[str, RawTensor], metadata: dict[str, str]) -> Iterator[bytes | memoryview]:
    """The same bytes, a header and one piece per tensor."""
    header: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))}
    position = 0
    for key in sorted(tensors):
        tensor = tensors[key]
        end = position + len(tensor.data)
        header[key] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [position, end]}
        position = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=True).encode()
    text += b" " * (-len(text) % 8)  # tensor data starts on 8 bytes
    yield struct.pack("<Q", len(text)) + text
    for key in sorted(tensors):
        yield tensors[key].data
