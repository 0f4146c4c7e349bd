"""The decoder's tensors out of a checkpoint folder, one at a time and in f32, whatever they are stored as.

Names are those of transformers' gpt-oss: experts that are stored as MXFP4 (`*_blocks`, `*_scales`) are asked for by
their plain name and unpacked on the way.
"""

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from runners.training.checkpoint import TensorSpan, tensor_spans
from runners.training.errors import CheckpointError
from runners.training.head import F32, as_f32
from runners.training.mxfp4 import dequantise, expert_shape, require_groups

NUMPY_OF = {"F32": "<f4", "BF16": "<u2", "U8": "u1"}
BLOCKS, SCALES = "_blocks", "_scales"
EMBEDDING, NORM, HEAD = "model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"


class Weights:
    """Reads headers at once and tensors when asked. Raises CheckpointError, naming file and tensor."""

    def __init__(self, model_dir: Path) -> None:
        self._folder = model_dir
        self._spans = tensor_spans(model_dir)
        for name in self._spans:
            self._require_kind(name)

    def packed(self) -> tuple[str, ...]:
        """Plain names, sorted, of what is stored as MXFP4."""
        return tuple(sorted(name.removesuffix(BLOCKS) for name in self._spans if name.endswith(BLOCKS)))

    def names(self, prefix: str = "") -> tuple[str, ...]:
        """Plain names, sorted, of what begins with `prefix`."""
        plain = (name.removesuffix(BLOCKS) for name in self._spans if not name.endswith(SCALES))
        return tuple(sorted(name for name in plain if name.startswith(prefix)))

    def shape(self, name: str) -> tuple[int, ...]:
        """As `f32` will give it, without reading."""
        if name + BLOCKS in self._spans:
            return expert_shape(self._span(name + BLOCKS).shape)
        return self._span(name).shape

    def f32_bytes(self, prefix: str = "") -> int:
        """What everything below `prefix` takes in memory once it is f32."""
        return sum(4 * prod(self.shape(name)) for name in self.names(prefix))

    def f32(self, name: str) -> F32:
        if name + BLOCKS in self._spans:
            return dequantise(self._raw(name + BLOCKS), self._raw(name + SCALES), name=f"{self._folder}: {name}")
        return as_f32(self._raw(name))

    def rows_f32(self, name: str, rows: npt.NDArray[np.int64]) -> F32:
        """These rows alone, `[*rows.shape, d]`: an embedding need not be held to be looked up."""
        span = self._span(name)
        table = np.memmap(span.path, NUMPY_OF[span.dtype], "r", span.begin, span.shape)
        if rows.size and not 0 <= int(rows.min()) <= int(rows.max()) < span.shape[0]:
            raise CheckpointError(f"{span.path}: {name!r}: expected rows below {span.shape[0]}, got {int(rows.max())}")
        return as_f32(np.asarray(table[rows]))

    def _raw(self, name: str) -> npt.NDArray[Any]:
        span = self._span(name)
        with span.path.open("rb") as stream:
            stream.seek(span.begin)
            flat: npt.NDArray[Any] = np.fromfile(stream, NUMPY_OF[span.dtype], prod(span.shape))
        if flat.nbytes != span.size_bytes:
            raise CheckpointError(f"{span.path}: {name!r}: expected {span.size_bytes} bytes, got {flat.nbytes}")
        return flat.reshape(span.shape)

    def _require_kind(self, name: str) -> None:
        """Blocks with their scales and nothing else are bytes, and what is stored as MXFP4 isn't stored twice."""
        span, plain = self._spans[name], name.removesuffix(BLOCKS).removesuffix(SCALES)
        if (span.dtype == "U8") != (name != plain):
            kind = "F32 or BF16" if name == plain else "U8"
            raise CheckpointError(f"{span.path}: {name!r}: expected {kind} data, got {span.dtype}")
        if name == plain:
            return
        blocks, scales = self._span(plain + BLOCKS), self._span(plain + SCALES)
        require_groups(blocks.shape, scales.shape, name=f"{span.path}: {plain!r}")
        if plain in self._spans:
            raise CheckpointError(f"{self._folder}: {plain!r}: expected it once, got it in MXFP4 and plain")

    def _span(self, name: str) -> TensorSpan:
        if name not in self._spans:
            raise CheckpointError(
                f"{self._folder}: expected tensor {name!r}, got {len(self._spans)} others; the download may be"
                " incomplete"
            )
        return self._spans[name]
