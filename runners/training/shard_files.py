"""A capture's shard files while they grow: laid out before the first row is known, then filled row by row.

Which samples lie in which file follows from the token counts alone, so a capture that was cut off goes on in the same
files and ends with the same bytes. A file under work is hidden (`.<name>.part`) and takes its name when it is whole.
"""

import hashlib
import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np

from runners.contract.plan import FileRef
from runners.records.durable import sync_fd, sync_folder, write_all
from runners.records.tensors import write_header
from runners.training.errors import CaptureError
from runners.training.head import F32, all_finite, f32_to_bf16
from runners.training.samples import TokenRow
from runners.training.shards import HIDDEN, METADATA, OFFSETS, TARGETS

SINGLE_FILE = "shard.safetensors"
READ_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class Layout:
    """One file: samples `begin:end` of the data, rows `first_row:first_row + rows` of the capture."""

    name: str
    begin: int
    end: int
    first_row: int
    rows: int


def lay_out(counts: Sequence[int], hidden_size: int, max_bytes: int) -> tuple[Layout, ...]:
    """Files of at most `max_bytes` of hidden states, cut between samples; `counts` are rows per sample.

    A sample that is larger than a file has one to itself.
    """
    limit = max(1, max_bytes // (2 * hidden_size))
    starts, held = [0], 0
    for sample, count in enumerate(counts):
        if held and held + count > limit:
            starts.append(sample)
            held = 0
        held += count
    rows = [0, *accumulate(counts)]
    return tuple(
        Layout(_name(number, len(starts)), begin, end, rows[begin], rows[end] - rows[begin])
        for number, (begin, end) in enumerate(pairwise([*starts, len(counts)]), start=1)
    )


def _name(number: int, files: int) -> str:
    return SINGLE_FILE if files == 1 else f"shard-{number:05}-of-{files:05}.safetensors"


class ShardFiles:
    """Open drafts of all files in `folder`. Rows may be put in any order, and more than once."""

    def __init__(self, folder: Path, samples: Sequence[TokenRow], hidden_size: int, max_bytes: int) -> None:
        self._folder, self._width = folder, 2 * hidden_size
        counts = [len(sample.targets) for sample in samples]
        self.first_rows = [0, *accumulate(counts)]
        self.layouts = lay_out(counts, hidden_size, max_bytes)
        self._starts = [layout.first_row for layout in self.layouts]
        self._open: list[tuple[int, int]] = []  # descriptor, first byte of the rows
        for layout in self.layouts:
            if (folder / layout.name).exists():  # a capture that was cut off while its files took their names
                (folder / layout.name).replace(self._draft(layout))
            self._open.append(_begin(self._draft(layout), layout, samples[layout.begin : layout.end], hidden_size))

    @property
    def bytes_of_rows(self) -> int:
        return self.first_rows[-1] * self._width

    def put(self, sample: int, hidden: F32) -> None:
        """All rows of a sample, `[rows, d]`, rounded to bf16: that costs nothing in loss, and products with a bf16 head
        stay exact in f32. Rows are finite. Raises CaptureError for one that bf16 can't hold."""
        bits = f32_to_bf16(hidden)
        if not all_finite(bits):
            raise CaptureError(f"sample {sample}: expected states that bf16 can hold, got a larger one")
        number = bisect_right(self._starts, self.first_rows[sample]) - 1
        descriptor, begin = self._open[number]
        data = memoryview(bits.tobytes())
        position = begin + (self.first_rows[sample] - self._starts[number]) * self._width
        while data:
            written = os.pwrite(descriptor, data, position)
            data, position = data[written:], position + written

    def sync(self) -> None:
        for descriptor, _ in self._open:
            sync_fd(descriptor)

    def finish(self) -> tuple[FileRef, ...]:
        """Every file under its own name, with its digest."""
        self.sync()
        self.close()
        for layout in self.layouts:
            self._draft(layout).replace(self._folder / layout.name)
        sync_folder(self._folder)
        return tuple(_reference(self._folder / layout.name) for layout in self.layouts)

    def close(self) -> None:
        while self._open:
            os.close(self._open.pop()[0])

    def _draft(self, layout: Layout) -> Path:
        return self._folder / f".{layout.name}.part"


def _begin(path: Path, layout: Layout, samples: Sequence[TokenRow], hidden_size: int) -> tuple[int, int]:
    """Everything but the rows: header, offsets and targets, which are known."""
    counts = [len(sample.targets) for sample in samples]
    offsets = np.array([0, *accumulate(counts)], "<i8").tobytes()
    targets = np.array([token for sample in samples for token in sample.targets], "<i4").tobytes()
    header = write_header(
        {
            HIDDEN: ("BF16", (layout.rows, hidden_size)),
            OFFSETS: ("I64", (len(samples) + 1,)),
            TARGETS: ("I32", (layout.rows,)),
        },
        METADATA,
    )
    after = len(header) + layout.rows * hidden_size * 2
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        os.ftruncate(descriptor, after + len(offsets) + len(targets))
        for position, data in ((0, header), (after, offsets + targets)):
            os.lseek(descriptor, position, os.SEEK_SET)
            write_all(descriptor, data)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor, len(header)


def _reference(path: Path) -> FileRef:
    hasher = hashlib.sha256()
    for chunk in _chunks(path):
        hasher.update(chunk)
    return FileRef(name=path.name, size_bytes=path.stat().st_size, sha256=hasher.hexdigest())


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(READ_BYTES):
            yield chunk
