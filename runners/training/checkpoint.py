"""A Hugging Face gpt-oss checkpoint as a folder of files: where a tensor lies, and digests of the whole."""

import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from runners.contract.canonical import canonical_bytes, parse_strict, sha256_hex
from runners.contract.errors import MalformedBytes
from runners.contract.names import FileName
from runners.contract.plan import TOKENIZER_FILES
from runners.training.errors import CheckpointError

CONFIG, INDEX, SINGLE = "config.json", "model.safetensors.index.json", "model.safetensors"
MAX_HEADER_BYTES = 16 * 1024 * 1024  # a checkpoint of thousands of tensors; adapters and shards get far less
READ_BYTES = 8 * 1024 * 1024
OnBytes = Callable[[int], None]  # how many more were read


def ignore_bytes(_count: int) -> None:
    """For callers that show no progress."""


@dataclass(frozen=True)
class TensorSpan:
    """Where one tensor lies. `begin` counts from the first byte of the file."""

    name: str
    path: Path
    dtype: str
    shape: tuple[int, ...]
    begin: int
    size_bytes: int


def read_config(model_dir: Path) -> dict[str, Any]:
    """config.json of a gpt-oss checkpoint. Raises CheckpointError."""
    config = _read_json(model_dir / CONFIG)
    if config.get("model_type") != "gpt_oss":
        got = config.get("model_type")
        raise CheckpointError(
            f"{model_dir / CONFIG}: expected model_type 'gpt_oss', got {got!r}; use a gpt-oss checkpoint"
        )
    return config


def find_tensor(model_dir: Path, name: str) -> TensorSpan:
    """Reads the index and one file's header, and no tensor. Raises CheckpointError."""
    path = model_dir / _file_of(model_dir, name)
    header, data_begin = _header(path)
    if name not in header:
        raise CheckpointError(
            f"{path}: expected tensor {name!r}, got {len(header)} others; the download may be incomplete"
        )
    return _span(path, name, header[name], data_begin)


def tensor_spans(model_dir: Path) -> dict[str, TensorSpan]:
    """Every tensor of the folder, from the headers of all its files. Raises CheckpointError."""
    listed = _weight_map(model_dir) if (model_dir / INDEX).exists() else None
    spans: dict[str, TensorSpan] = {}
    for file in weight_files(model_dir):
        header, data_begin = _header(model_dir / file)
        found = [_span(model_dir / file, name, entry, data_begin) for name, entry in header.items()]
        _require_whole(model_dir / file, found, data_begin)
        for span in found:
            if listed is not None and listed.get(span.name) != file:
                raise CheckpointError(
                    f"{span.path}: expected the tensors that {INDEX} says are in it, got {span.name!r} too"
                )
            spans[span.name] = span
    if listed is not None and (missing := sorted(set(listed) - set(spans))):
        raise CheckpointError(
            f"{model_dir / INDEX}: expected {missing[0]!r} in {listed[missing[0]]}, got a file without it; the download"
            " may be incomplete"
        )
    return spans


def weight_files(model_dir: Path) -> tuple[str, ...]:
    """Names of the files that hold the weights, sorted. Raises CheckpointError."""
    if (model_dir / INDEX).exists():
        return tuple(sorted(set(_weight_map(model_dir).values())))
    return (SINGLE,)


def model_files(model_dir: Path) -> tuple[str, ...]:
    """Config, index and weight files: every byte that decides a forward."""
    index = (INDEX,) if (model_dir / INDEX).exists() else ()
    return (CONFIG, *index, *weight_files(model_dir))


def model_bytes(model_dir: Path) -> int:
    """Of all its files. Raises CheckpointError."""
    try:
        return sum((model_dir / name).stat().st_size for name in model_files(model_dir))
    except OSError as error:
        raise CheckpointError(
            f"{error.filename}: expected a readable file, got {error.strerror}; the download may be incomplete"
        ) from error


def model_digest(model_dir: Path, on_bytes: OnBytes = ignore_bytes) -> str:
    """sha256 over the names and digests of the model's files."""
    return _digest_of(model_dir, model_files(model_dir), on_bytes)


def tokenizer_digest(model_dir: Path) -> str:
    """sha256 over the names and digests of those tokenizer files that exist. Raises CheckpointError."""
    names = tuple(name for name in TOKENIZER_FILES if (model_dir / name).exists())
    if "tokenizer.json" not in names:
        raise CheckpointError(f"{model_dir}: expected tokenizer.json, got {names or 'no tokenizer file'}")
    return _digest_of(model_dir, names)


def _digest_of(model_dir: Path, names: tuple[str, ...], on_bytes: OnBytes = ignore_bytes) -> str:
    files = {name: _file_sha256(model_dir / name, on_bytes) for name in names}
    return sha256_hex(canonical_bytes({"files": files}))


def _file_sha256(path: Path, on_bytes: OnBytes) -> str:
    hasher = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as stream:
            while chunk := stream.read(READ_BYTES):
                hasher.update(chunk)
                on_bytes(len(chunk))
    except OSError as error:
        raise CheckpointError(f"{path}: expected a readable file, got {error.strerror}") from error
    return hasher.hexdigest()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        body = parse_strict(path.read_bytes())
    except OSError as error:
        raise CheckpointError(
            f"{path}: expected a readable file, got {error.strerror}; is this a checkpoint folder?"
        ) from error
    except MalformedBytes as error:
        raise CheckpointError(f"{path}: {error}") from error
    if not isinstance(body, dict):
        raise CheckpointError(f"{path}: expected a JSON object, got {type(body).__name__}")
    return body


def _file_of(model_dir: Path, name: str) -> str:
    if not (model_dir / INDEX).exists():
        return SINGLE
    weight_map = _weight_map(model_dir)
    if name not in weight_map:
        raise CheckpointError(
            f"{model_dir / INDEX}: expected {name!r} in weight_map, got {len(weight_map)} other names"
        )
    return weight_map[name]


def _weight_map(model_dir: Path) -> dict[str, str]:
    """Tensor to file. A file is a plain name: the index came with a download and must not lead out of the folder.

    The file itself may be a symlink, because that is how the Hugging Face cache keeps its snapshots.
    """
    raw = _read_json(model_dir / INDEX).get("weight_map")
    try:
        return TypeAdapter(dict[str, FileName]).validate_python(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise CheckpointError(
            f"{model_dir / INDEX}: weight_map: expected plain file names, got {first['input']!r:.80}"
        ) from error


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """(entries, offset of the first data byte) of a safetensors file, without its tensors."""
    try:
        with path.open("rb") as stream:
            prefix = stream.read(8)
            length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
            if not 2 <= length <= MAX_HEADER_BYTES:
                raise CheckpointError(f"{path}: expected a header of 2 to {MAX_HEADER_BYTES} bytes, got {length}")
            # A checkpoint header names U8 and F8 tensors too, so the strict reader of shards is not used here.
            body = parse_strict(stream.read(length).rstrip(b" "), limit=MAX_HEADER_BYTES)
    except OSError as error:
        raise CheckpointError(f"{path}: expected a readable file, got {error.strerror}") from error
    except MalformedBytes as error:
        raise CheckpointError(f"{path}: safetensors header: {error}") from error
    if not isinstance(body, dict):
        raise CheckpointError(f"{path}: expected a JSON object as header, got {type(body).__name__}")
    body.pop("__metadata__", None)
    return body, 8 + length


def _require_whole(path: Path, spans: list[TensorSpan], begin: int) -> None:
    """One tensor behind the other and nothing else, as the format wants it: bytes that two tensors share, or none has,
    are read otherwise by others."""
    for span in sorted(spans, key=lambda span: (span.begin, span.size_bytes)):
        if span.begin != begin:
            raise CheckpointError(f"{path}: {span.name!r}: expected its data from byte {begin}, got {span.begin}")
        begin += span.size_bytes
    if begin != (size := path.stat().st_size):
        raise CheckpointError(f"{path}: expected {begin} bytes, got {size}; the download may be incomplete")


def _span(path: Path, name: str, entry: Any, data_begin: int) -> TensorSpan:
    item_bytes = {"F32": 4, "BF16": 2, "U8": 1}
    try:
        dtype, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        size = prod(shape) * item_bytes[dtype]
        good = all(type(n) is int and n >= 0 for n in (*shape, begin, end)) and end - begin == size
    except (KeyError, TypeError, ValueError):
        good = False
    if not good:
        raise CheckpointError(
            f"{path}: {name!r}: expected F32, BF16 or U8 data of its own shape, got {json.dumps(entry):.120}"
        )
    if data_begin + end > path.stat().st_size:
        raise CheckpointError(f"{path}: {name!r}: expected data up to byte {data_begin + end}, got a shorter file")
    return TensorSpan(name, path, dtype, shape, data_begin + begin, size)
