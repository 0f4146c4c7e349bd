"""What a contributor may say at all: records of known kinds with the bodies that they have, and no number below zero.

Judged before a line gets into the mirror: what lies there goes into the bundle, and one with a line that no checker
reads would be refused as a whole, whoever wrote that line.
"""

from typing import Any

from runners.contract import node_records as node_rec
from runners.contract.document import check_digests, word_from_json
from runners.contract.errors import DigestMismatch, MalformedBytes
from runners.contract.journal import JournalRecord

SIGNED = {"exited": ("code",)}  # of a kind, the fields that may be below zero


def admit(record: JournalRecord) -> None:
    """Raises MalformedBytes."""
    where = f"record {record.seq} of {record.node_id}"
    model = node_rec.NODE_BODIES.get(record.kind)
    if model is None:
        raise MalformedBytes(f"{where}: expected a kind of record that a contributor writes, got {record.kind[:80]}")
    try:
        check_digests(word_from_json(model, record.body))
    except DigestMismatch as error:
        raise MalformedBytes(f"{where}: {error}") from error
    numbers = {name: value for name, value in record.body.items() if name not in SIGNED.get(record.kind, ())}
    if (low := _lowest([record.wall_ms, record.mono_ms, numbers])) is not None:
        raise MalformedBytes(f"{where}: expected whole numbers of zero or more in {record.kind}, got {low}")


def _lowest(value: Any) -> int | None:
    """A whole number below zero, wherever it stands."""
    if isinstance(value, int) and value < 0:
        return value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((low for item in inner if (low := _lowest(item)) is not None), None)
