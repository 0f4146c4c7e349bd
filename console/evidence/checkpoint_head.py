"""The LM head's own bytes in a checkpoint folder, hashed without loading anything else."""

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

from console.evidence.errors import ReexecutionError

INDEX_FILE, SINGLE_FILE = "model.safetensors.index.json", "model.safetensors"
MAX_HEADER_BYTES = 100 * 1024 * 1024  # as the format itself allows
CHUNK_BYTES = 1 << 20


def head_sha256(model_dir: Path, tensor: str) -> str:
    """sha256 over the tensor's bytes as they lie in the file. Raises ReexecutionError."""
    path = model_dir / _file_of(model_dir, tensor)
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > MAX_HEADER_BYTES:
                raise ReexecutionError(f"{path}: expected a header of at most {MAX_HEADER_BYTES} bytes, got {length}")
            begin, end = json.loads(file.read(length))[tensor]["data_offsets"]
            file.seek(8 + length + begin)
            return _hash(file, end - begin)
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise ReexecutionError(f"{path}: expected tensor {tensor} in a safetensors file, got {error!r}") from error


def _file_of(model_dir: Path, tensor: str) -> str:
    index = model_dir / INDEX_FILE
    if not index.exists():
        return SINGLE_FILE
    try:
        name: Any = json.loads(index.read_bytes())["weight_map"][tensor]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReexecutionError(f"{index}: expected an entry for {tensor}, got {error!r}") from error
    if not isinstance(name, str) or Path(name).name != name:
        raise ReexecutionError(f"{index}: expected a file name for {tensor}, got {name!r}")
    return name


def _hash(file: Any, count: int) -> str:
    hasher = hashlib.sha256()
    while count > 0:
        chunk = file.read(min(CHUNK_BYTES, count))
        if not chunk:
            raise ValueError(f"{count} bytes missing")
        hasher.update(chunk)
        count -= len(chunk)
    return hasher.hexdigest()
