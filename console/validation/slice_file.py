"""How long each sample of a slice is: its offsets alone are read, a slice may be gigabytes."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np

from runners.records.durable import open_regular
from runners.records.errors import TensorFileError
from runners.records.tensors import MAX_HEADER_BYTES, parse_header

OFFSETS = "sample_offsets"


def sample_lengths(path: Path) -> tuple[int, ...]:
    """Raises TensorFileError, UnsafePath."""
    fd = open_regular(path)
    try:
        size = os.fstat(fd).st_size
        header = parse_header(os.pread(fd, 8 + MAX_HEADER_BYTES, 0), file_bytes=size, name=path.name)
        dtype, shape, begin, end = header.tensors.get(OFFSETS, ("nothing", (), 0, 0))
        if dtype != "I64" or len(shape) != 1:
            raise TensorFileError(f"{path.name}: expected {OFFSETS} as I64 [S + 1], got {dtype} {list(shape)}")
        offsets = np.frombuffer(os.pread(fd, end - begin, begin), dtype="<i8")
        return tuple(int(last - first) for first, last in pairwise(offsets))
    finally:
        os.close(fd)
