"""Receipts that left memory: some thirty bytes each here, the record itself in its journal."""

import os
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic_core import from_json

from console.evidence.kept_file import open_kept
from console.observation.line import Line, Proof, Ref, Stamp, read_body
from console.observation.receipts import Row, row_of
from console.observation.telling import Tone
from runners.contract.canonical import sha256_hex
from runners.records.errors import RecordsError

DIGEST_BYTES = 12  # of a sha256: 2^96 tries to find another line for one of them
STRIDE = 4096
# File, node, role, kind, tone, proof, and what is above 32 bits of time and of offset: few in a run.
Shape = tuple[str, str, str, str, Tone, Proof | None, int, int]
LOW = 0xFFFF_FFFF
NOWHERE = Ref("", 0, 0, 1)  # of a finding


class Archive:
    """Rows in order. `glance` knows all but the text; `row` reads the record again and holds it against its digest."""

    def __init__(self, path_of: Callable[[str], Path | None]) -> None:
        self._path_of = path_of
        self._shapes: list[Shape] = []
        self._places: dict[Shape, int] = {}
        # A stranger may name a new kind in every line, so shapes are counted by 32 bits.
        self._of_shape, self._sizes = array("I"), array("H")
        self._orders, self._offsets, self._seqs = array("I"), array("I"), array("I")
        self._digests = bytearray()
        self._whole: dict[int, Row] = {}  # findings about a journal: no record stands behind them
        self._read: dict[int, Row] = {}  # those on screen are drawn many times

    def __len__(self) -> int:
        return len(self._of_shape)

    def extend(self, rows: Sequence[Row]) -> None:
        """Column by column: it is done for every record of a long journal."""
        refs = [row.ref or NOWHERE for row in rows]
        orders = [max(0, row.order_ms) for row in rows]
        self._whole |= {place: row for place, row in enumerate(rows, len(self)) if row.ref is None}
        self._of_shape.extend(
            self._number(
                (ref.file, row.node_id, row.role, row.kind, row.tone, row.proof, order >> 32, ref.offset >> 32)
            )
            for row, ref, order in zip(rows, refs, orders, strict=True)
        )
        self._orders.extend(order & LOW for order in orders)
        self._offsets.extend(ref.offset & LOW for ref in refs)
        self._sizes.extend(ref.size - 1 for ref in refs)
        self._seqs.extend(ref.seq for ref in refs)
        none = "0" * (2 * DIGEST_BYTES)
        self._digests += bytes.fromhex("".join([(row.sha256 or none)[: 2 * DIGEST_BYTES] for row in rows]))

    def _number(self, shape: Shape) -> int:
        number = self._places.get(shape)
        if number is None:
            number = self._places[shape] = len(self._shapes)
            self._shapes.append(shape)
        return number

    def shape(self, index: int) -> int:
        """A number that rows of one host, kind and tone share."""
        return self._of_shape[index]

    def glance(self, index: int) -> Row:
        """Without its text."""
        if index in self._whole:
            return self._whole[index]
        file, node_id, role, kind, tone, proof, late, far = self._shapes[self._of_shape[index]]
        ref = Ref(file, self._seqs[index], far << 32 | self._offsets[index], self._sizes[index] + 1)
        digest = self._digests[index * DIGEST_BYTES : (index + 1) * DIGEST_BYTES].hex()
        order = late << 32 | self._orders[index]
        return Row(order, order, node_id, role, kind, "", tone, ref, digest, proof)

    def problem(self, start: int, step: int) -> int | None:
        """The first row of trouble from `start`, on (1) or back (-1); through a million rows in some milliseconds."""
        bad = {place for place, shape in enumerate(self._shapes) if shape[4] in (Tone.WARN, Tone.BAD)}
        while bad and 0 <= start < len(self):
            low, high = (start, min(start + STRIDE, len(self))) if step > 0 else (max(0, start + 1 - STRIDE), start + 1)
            if not bad.isdisjoint(self._of_shape[low:high]):
                places = range(low, high) if step > 0 else range(high - 1, low - 1, -1)
                return next(place for place in places if self._of_shape[place] in bad)
            start = high if step > 0 else low - 1
        return None

    def row(self, index: int) -> Row:
        """Whole. What can't be read again, or is not what was verified, says so in place of its text."""
        if index not in self._read:
            if len(self._read) >= 512:
                self._read.clear()
            self._read[index] = self._again(self.glance(index))
        return self._read[index]

    def _again(self, known: Row) -> Row:
        if known.ref is None:
            return known
        try:
            raw = self._bytes(known.ref)
            digest = sha256_hex(raw)
            if not digest.startswith(known.sha256):
                return _spoilt(known, "its bytes are not those that were verified before")
            record = from_json(raw)
            body, flaw = read_body(known.role, record["kind"], record["body"])
            line = Line(
                ref=known.ref, sha256=digest, run_id=record["run_id"], node_id=known.node_id, role=known.role,
                revision=record["revision"], epoch=record["epoch"], kind=record["kind"],
                at=Stamp(record["wall_ms"], record["mono_ms"]), body=body, flaw=flaw,
                proof=known.proof or Proof.CHAINED, arrival_ms=0, order_ms=known.order_ms,
            )  # fmt: skip
        except (RecordsError, OSError, ValueError, KeyError) as error:
            return _spoilt(known, f"it can't be read again: {error}")
        return row_of(line)

    def _bytes(self, ref: Ref) -> bytes:
        path = self._path_of(ref.file)
        if path is None:
            raise OSError(f"{ref.file} is not followed any more")
        fd = open_kept(path)
        try:
            return os.pread(fd, ref.size, ref.offset)
        finally:
            os.close(fd)


def _spoilt(known: Row, why: str) -> Row:
    file, offset = (known.ref.file, known.ref.offset) if known.ref else ("", 0)
    return Row(known.order_ms, known.wall_ms, known.node_id, known.role, known.kind, f"{file} at byte {offset}: {why}",
               Tone.BAD, known.ref, known.sha256, None)  # fmt: skip
