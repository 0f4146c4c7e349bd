"""Shards: captured hidden states with their targets, sample by sample, in one safetensors file.

`hidden_states [N, d]` BF16 or F32, `target_ids [N]` I32, `sample_offsets [S + 1]` I64: sample i owns the rows
`offsets[i]:offsets[i + 1]`. Row k predicts `target_ids[k]`. Equal shards give equal bytes.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from runners.contract.plan import FileRef
from runners.records.durable import read_regular, write_durable
from runners.records.errors import TensorFileError, UnsafePath
from runners.records.tensors import RawTensor, read_tensors, write_tensors
from runners.training.errors import ShardError
from runners.training.head import F32, Bits, Dtype, all_finite, as_f32

HIDDEN, TARGETS, OFFSETS = "hidden_states", "target_ids", "sample_offsets"
METADATA = {"format": "swarm.shard.v1"}
MAX_SHARD_BYTES = 8 * 1024**3  # a shard is held in memory; cut the data before capturing more
NUMPY_OF = {"F32": "<f4", "BF16": "<u2", "I32": "<i4", "I64": "<i8"}


@dataclass(frozen=True, eq=False)
class Shard:
    """`hidden` is float32 for F32 and the bf16 bits as uint16 for BF16. Read-only by agreement."""

    dtype: Dtype
    hidden: F32 | Bits  # [N, d]
    targets: npt.NDArray[np.int32]  # [N]
    offsets: npt.NDArray[np.int64]  # [S + 1]

    @property
    def tokens(self) -> int:
        return int(self.hidden.shape[0])

    @property
    def hidden_size(self) -> int:
        return int(self.hidden.shape[1])

    @property
    def samples(self) -> int:
        return int(self.offsets.shape[0]) - 1

    def rows_of(self, sample: int) -> slice:
        return slice(int(self.offsets[sample]), int(self.offsets[sample + 1]))

    def rows(self, samples: Sequence[int]) -> npt.NDArray[np.int64]:
        """Row numbers of these samples, in the order given."""
        ranges = [np.arange(self.offsets[i], self.offsets[i + 1]) for i in samples]
        return np.concatenate(ranges) if ranges else np.empty(0, np.int64)

    def hidden_f32(self, rows: slice | npt.NDArray[np.int64] = slice(None)) -> F32:
        """`[rows, d]` in f32, exact."""
        return as_f32(self.hidden[rows])


def cut(shard: Shard, sample_indices: Sequence[int]) -> Shard:
    """These samples, in this order, with their bytes untouched. Raises ShardError."""
    bad = [i for i in sample_indices if not 0 <= i < shard.samples]
    if bad or len(set(sample_indices)) != len(sample_indices):
        raise ShardError(f"cut: expected different samples of 0..{shard.samples - 1}, got {bad or 'a repeated one'}")
    if not sample_indices:
        raise ShardError("cut: expected at least one sample, got none")
    rows = shard.rows(sample_indices)
    lengths = np.diff(shard.offsets)[np.asarray(sample_indices)]
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    return Shard(shard.dtype, shard.hidden[rows], shard.targets[rows], offsets)


def gather(shards: Sequence[Callable[[], Shard]], parts: Sequence[Sequence[int]]) -> tuple[Shard, ...]:
    """Each part's samples, counted through all shards, in the part's order. Reads one shard at a time, each once.

    Raises ShardError.
    """
    pieces: list[dict[int, Shard]] = [{} for _ in parts]  # sample -> its rows, per part
    first = 0
    for read in shards:
        shard = read()
        for found, wanted in zip(pieces, parts, strict=True):
            for sample in wanted:
                if first <= sample < first + shard.samples:
                    found[sample] = cut(shard, [sample - first])
        first += shard.samples
    for wanted in parts:
        bad = [sample for sample in wanted if not 0 <= sample < first]
        if bad or len(set(wanted)) != len(wanted) or not wanted:
            raise ShardError(f"cut: expected different samples of 0..{first - 1}, got {bad or list(wanted)!r:.80}")
    return tuple(_joined([found[sample] for sample in wanted]) for found, wanted in zip(pieces, parts, strict=True))


def _joined(pieces: Sequence[Shard]) -> Shard:
    lengths = [piece.tokens for piece in pieces]
    return Shard(
        dtype=pieces[0].dtype,
        hidden=np.concatenate([piece.hidden for piece in pieces]),
        targets=np.concatenate([piece.targets for piece in pieces]),
        offsets=np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
    )


def shard_bytes(shard: Shard) -> bytes:
    """The file's bytes. Raises ShardError for a shard that a reader would refuse."""
    check(shard, name="new shard")
    arrays = {HIDDEN: (shard.dtype, shard.hidden), TARGETS: ("I32", shard.targets), OFFSETS: ("I64", shard.offsets)}
    tensors = {
        name: RawTensor(dtype, array.shape, np.ascontiguousarray(array, dtype=NUMPY_OF[dtype]).tobytes())
        for name, (dtype, array) in arrays.items()
    }
    return write_tensors(tensors, METADATA)


def write_shard(path: Path, shard: Shard) -> FileRef:
    """Written whole or not at all."""
    raw = shard_bytes(shard)
    write_durable(path, raw)
    return FileRef(name=path.name, size_bytes=len(raw), sha256=hashlib.sha256(raw).hexdigest())


def read_shard(path: Path, *, vocab_size: int | None = None, expected_sha256: str | None = None) -> Shard:
    """Bytes in, checked shard out. Raises ShardError."""
    try:
        raw = read_regular(path, limit=MAX_SHARD_BYTES)
    except UnsafePath as error:
        raise ShardError(f"shard {error}; capture it again with `swarm prepare`") from error
    if expected_sha256 is not None and (got := hashlib.sha256(raw).hexdigest()) != expected_sha256:
        raise ShardError(f"shard {path.name}: expected sha256 {expected_sha256}, got {got}")
    return parse_shard(raw, name=path.name, vocab_size=vocab_size)


def parse_shard(raw: bytes, *, name: str, vocab_size: int | None = None) -> Shard:
    """Header first, then shapes, then values. Raises ShardError."""
    try:
        tensors, metadata = read_tensors(raw, name=name)
    except TensorFileError as error:
        raise ShardError(f"shard {error}") from error
    if set(tensors) != {HIDDEN, TARGETS, OFFSETS} or metadata != METADATA:
        raise ShardError(
            f"shard {name}: expected {HIDDEN}, {TARGETS}, {OFFSETS} with {METADATA}, got {sorted(tensors)!r:.200} with"
            f" {metadata!r:.80}"
        )
    dtypes = tuple(tensors[key].dtype for key in (HIDDEN, TARGETS, OFFSETS))
    if dtypes not in {("BF16", "I32", "I64"), ("F32", "I32", "I64")}:
        raise ShardError(f"shard {name}: expected dtypes BF16 or F32, I32, I64, got {dtypes}")
    dtype: Dtype = "BF16" if dtypes[0] == "BF16" else "F32"
    hidden, targets, offsets = (
        np.frombuffer(tensors[key].data, dtype=NUMPY_OF[tensors[key].dtype]).reshape(tensors[key].shape).copy()
        for key in (HIDDEN, TARGETS, OFFSETS)
    )
    shard = Shard(dtype, hidden, targets, offsets)
    check(shard, name=name, vocab_size=vocab_size)
    return shard


def check(shard: Shard, *, name: str, vocab_size: int | None = None) -> None:
    """Raises ShardError for the first of: shapes, offsets, targets in [0, V), finite hidden states."""
    hidden, targets, offsets = shard.hidden, shard.targets, shard.offsets
    if hidden.ndim != 2 or targets.shape != hidden.shape[:1] or offsets.ndim != 1 or offsets.size < 2:
        shapes = (hidden.shape, targets.shape, offsets.shape)
        raise ShardError(f"shard {name}: expected shapes [N, d], [N], [S + 1], got {shapes}")
    if offsets[0] != 0 or offsets[-1] != hidden.shape[0] or np.any(np.diff(offsets) <= 0):
        raise ShardError(
            f"shard {name}: expected offsets growing from 0 to {hidden.shape[0]}, got {offsets[0]} to {offsets[-1]}"
            " or a sample without rows"
        )
    top = int(targets.max())
    if targets.min() < 0 or (vocab_size is not None and top >= vocab_size):
        raise ShardError(f"shard {name}: expected targets in [0, {vocab_size or 'V'}), got {targets.min()} to {top}")
    if not all_finite(hidden):
        raise ShardError(f"shard {name}: expected finite hidden states, got infinite ones or NaN")
