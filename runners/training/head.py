"""The frozen LM head `W [V, d]` of any gpt-oss checkpoint, read alone: by its byte range, with NumPy only."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from runners.contract.plan import HeadIdentity
from runners.training.checkpoint import (
    OnBytes,
    TensorSpan,
    find_tensor,
    ignore_bytes,
    model_digest,
    read_config,
    tokenizer_digest,
)
from runners.training.errors import CheckpointError

__all__ = ["Head", "bf16_to_f32", "f32_to_bf16", "head_identity", "load_head", "model_digest", "tokenizer_digest"]

Dtype = Literal["F32", "BF16"]
Bits = npt.NDArray[np.uint16]  # bf16, which NumPy doesn't have: the upper half of an f32
F32 = npt.NDArray[np.float32]
UNTIED, TIED = "lm_head.weight", "model.embed_tokens.weight"
Memory = Callable[[tuple[int, ...], np.dtype[Any]], npt.NDArray[Any]]  # shape, dtype: an array to read into
NUMPY_OF = {"F32": "<f4", "BF16": "<u2"}
BLOCK = 1 << 22  # values per finiteness check


@dataclass(frozen=True, eq=False)
class Head:
    """`weight` is `[V, d]`: float32 for F32, the bf16 bits as uint16 for BF16. It is shared: never write to it."""

    name: str
    dtype: Dtype
    weight: F32 | Bits
    sha256: str  # over the tensor's own bytes
    tied: bool

    @property
    def vocab_size(self) -> int:
        return int(self.weight.shape[0])

    @property
    def hidden_size(self) -> int:
        return int(self.weight.shape[1])

    def weight_f32(self, rows: slice = slice(None)) -> F32:
        """`[rows, d]` in f32: exact, since every bf16 value is an f32 value."""
        return as_f32(self.weight[rows])


def load_head(model_dir: Path | str, memory: Memory = np.empty) -> Head:
    """Reads config, index, one header and the bytes of the head itself, into the memory of whoever computes with it.
    Raises CheckpointError."""
    span, tied = find_head(Path(model_dir))
    dtype: Dtype = "BF16" if span.dtype == "BF16" else "F32"
    weight = _read(span, dtype, memory)
    sha256 = hashlib.sha256(weight.data).hexdigest()
    _require_finite(weight, span)
    return Head(span.name, dtype, weight, sha256, tied)


def find_head(model_dir: Path) -> tuple[TensorSpan, bool]:
    """(where the head lies, whether it is tied to the embedding). Raises CheckpointError."""
    config = read_config(model_dir)
    tied = config.get("tie_word_embeddings", False) is True  # gpt-oss ships untied
    span = find_tensor(model_dir, TIED if tied else UNTIED)
    if span.dtype not in ("F32", "BF16"):
        raise CheckpointError(f"{span.path}: {span.name!r}: expected F32 or BF16 data, got {span.dtype}")
    expected = (config.get("vocab_size"), config.get("hidden_size"))
    if span.shape != expected:
        raise CheckpointError(f"{span.path}: {span.name!r}: expected shape {expected} of config.json, got {span.shape}")
    return span, tied


def head_identity(head: Head, model_dir: Path | str) -> HeadIdentity:
    """The head as the plan names it, with the digests of its checkpoint."""
    return HeadIdentity(
        model_digest=model_digest(Path(model_dir)),
        tokenizer_digest=tokenizer_digest(Path(model_dir)),
        tensor=head.name,
        dtype=head.dtype,
        vocab_size=head.vocab_size,
        hidden_size=head.hidden_size,
        sha256=head.sha256,
        tied=head.tied,
    )


def identify_head(model_dir: Path, on_bytes: OnBytes = ignore_bytes) -> HeadIdentity:
    """The same without holding the head: it is read once in pieces, each checked. Raises CheckpointError."""
    span, tied = find_head(model_dir)
    dtype: Dtype = "BF16" if span.dtype == "BF16" else "F32"
    hasher, left = hashlib.sha256(), prod(span.shape)
    with span.path.open("rb") as stream:
        stream.seek(span.begin)
        while left:
            piece = np.fromfile(stream, NUMPY_OF[dtype], min(BLOCK, left))
            if not piece.size:
                raise CheckpointError(f"{span.path}: {span.name!r}: expected {left} more values, got none")
            _require_finite(piece, span)
            hasher.update(piece.data)
            on_bytes(piece.nbytes)
            left -= piece.size
    return HeadIdentity(
        model_digest=model_digest(model_dir, on_bytes),
        tokenizer_digest=tokenizer_digest(model_dir),
        tensor=span.name,
        dtype=dtype,
        vocab_size=span.shape[0],
        hidden_size=span.shape[1],
        sha256=hasher.hexdigest(),
        tied=tied,
    )


def bf16_to_f32(bits: Bits) -> F32:
    """Exact: bf16 is an f32 whose lower half is zero."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def f32_to_bf16(values: F32) -> Bits:
    """Rounds to nearest, ties to even, as torch and MLX do. Finite values only."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    odd = (bits >> 16) & 1
    return ((bits + (0x7FFF + odd)) >> 16).astype(np.uint16)


def as_f32(values: npt.NDArray[Any]) -> F32:
    return bf16_to_f32(values) if values.dtype == np.uint16 else values.astype(np.float32, copy=False)


def all_finite(values: npt.NDArray[Any]) -> bool:
    """For f32 or bf16 bits (an exponent of all ones is infinite or not a number)."""
    if values.dtype == np.uint16:
        return not bool(np.any((values & 0x7F80) == 0x7F80))
    return bool(np.isfinite(values).all())


def _read(span: TensorSpan, dtype: Dtype, memory: Memory) -> F32 | Bits:
    weight = memory(span.shape, np.dtype(NUMPY_OF[dtype]))
    with span.path.open("rb") as stream:
        stream.seek(span.begin)
        got = stream.readinto(weight.data.cast("B"))
    if got != span.size_bytes:
        raise CheckpointError(f"{span.path}: {span.name!r}: expected {span.size_bytes} bytes, got {got}")
    return weight


def _require_finite(weight: F32 | Bits, span: TensorSpan) -> None:
    flat = weight.reshape(-1)
    if not all(all_finite(flat[start : start + BLOCK]) for start in range(0, flat.size, BLOCK)):
        raise CheckpointError(f"{span.path}: {span.name!r}: expected finite values, got infinite ones or NaN")
