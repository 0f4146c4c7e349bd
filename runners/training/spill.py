"""Activations between two layers, on disk: one file per layer with the padded batches behind each other, in f32."""

import os
from collections.abc import Sequence
from itertools import accumulate
from math import prod
from pathlib import Path

import numpy as np

from runners.records.durable import sync_fd, write_all
from runners.training.errors import CaptureError
from runners.training.head import F32

Shape = tuple[int, int, int]  # rows, longest, d


class Spill:
    """What goes into layer k lies in `.into-layer-<k>.f32`."""

    def __init__(self, folder: Path, shapes: Sequence[Shape]) -> None:
        self._folder, self._shapes = folder, shapes
        self._begins = [0, *accumulate(4 * prod(shape) for shape in shapes)]
        self._writing: tuple[int, int] | None = None  # layer, descriptor

    @property
    def layer_bytes(self) -> int:
        return self._begins[-1]

    def read(self, layer: int, batch: int) -> F32:
        """Raises CaptureError for a file that is shorter than it was."""
        path, shape = self._path(layer), self._shapes[batch]
        try:
            with path.open("rb") as stream:
                stream.seek(self._begins[batch])
                states = np.fromfile(stream, "<f4", prod(shape))
        except OSError as error:
            raise CaptureError(f"{path}: expected the activations of layer {layer}, got {error.strerror}") from error
        if states.size != prod(shape):
            raise CaptureError(f"{path}: expected {prod(shape)} values of batch {batch}, got {states.size}")
        return states.reshape(shape)

    def write(self, layer: int, batch: int, states: F32) -> None:
        descriptor = self._descriptor(layer)
        os.lseek(descriptor, self._begins[batch], os.SEEK_SET)
        write_all(descriptor, np.ascontiguousarray(states, "<f4").tobytes())

    def sync(self) -> None:
        if self._writing is not None:
            sync_fd(self._writing[1])

    def drop(self, layer: int) -> None:
        """A layer that all batches went through needs its input no more."""
        self._path(layer).unlink(missing_ok=True)

    def close(self) -> None:
        if self._writing is not None:
            os.close(self._writing[1])
            self._writing = None

    def _descriptor(self, layer: int) -> int:
        if self._writing is not None and self._writing[0] != layer:
            self.close()
        if self._writing is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._writing = (layer, os.open(self._path(layer), flags, 0o600))
        return self._writing[1]

    def _path(self, layer: int) -> Path:
        return self._folder / f".into-layer-{layer:03}.f32"
