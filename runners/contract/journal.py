"""Journal records: one writer, one chain, one signature per line. Pure: no files here."""

from typing import Any, Literal

from runners.contract.canonical import canonical_bytes, parse_strict, sha256_hex
from runners.contract.document import Word, word_from_canonical
from runners.contract.errors import BrokenChain, MalformedBytes
from runners.contract.figures import Count
from runners.contract.names import Label, NodeId, RunId, Sha256, Signature

MAX_LINE_BYTES = 64 * 1024
GENESIS = "0" * 64
SIGNING_PREFIX = b"swarm.journal_record.v1\0"


class JournalRecord(Word):
    """One line. `prev` is the sha256 of the previous raw line without its LF; GENESIS for the first of a file."""

    schema_version: Literal["swarm.journal_record.v1"] = "swarm.journal_record.v1"
    run_id: RunId
    node_id: NodeId
    role: Literal["coordinator", "contributor"]
    revision: Count
    epoch: Count
    seq: Count
    kind: Label
    wall_ms: Count
    mono_ms: Count
    body: dict[str, Any]
    prev: Sha256
    sig: Signature

    def signed_bytes(self, raw: bytes) -> bytes:
        """Of a record read from `raw`, which is canonical: those bytes without `sig`, the last name but `wall_ms`."""
        end = f'"wall_ms":{self.wall_ms}}}'.encode()
        return SIGNING_PREFIX + raw.removesuffix(f'"sig":"{self.sig}",'.encode() + end) + end


class Writer(Word):
    """Whose journal it is. One file per value of this."""

    run_id: RunId
    node_id: NodeId
    role: Literal["coordinator", "contributor"]
    revision: Count
    epoch: Count

    @property
    def file_name(self) -> str:
        return f"{self.node_id}.{self.role}.r{self.revision}.e{self.epoch}.jsonl"


class Head(Word):
    """How far a journal was verified: byte offset past the last whole line, its hash, and the next seq."""

    file: Label
    offset: Count
    sha256: Sha256
    next_seq: Count


def signed_bytes(record: dict[str, Any]) -> bytes:
    """What the node's key signs: a type prefix, then the canonical record without `sig`."""
    body = {name: value for name, value in record.items() if name != "sig"}
    return SIGNING_PREFIX + canonical_bytes(body)


def start_of(writer: Writer) -> Head:
    return Head(file=writer.file_name, offset=0, sha256=GENESIS, next_seq=0)


def parse_line(raw: bytes) -> JournalRecord:
    """One raw line without its LF. The bytes must be canonical, so that a record has one spelling."""
    body = parse_strict(raw, limit=MAX_LINE_BYTES)
    if not isinstance(body, dict) or canonical_bytes(body) != raw:
        raise MalformedBytes("expected a journal line in canonical form, got another spelling")
    if "schema_version" not in body:  # the model would fill it in
        raise MalformedBytes("expected a journal line with its schema_version, got none")
    return word_from_canonical(JournalRecord, raw)


def follow_on(record: JournalRecord, raw: bytes, writer: Writer, head: Head) -> Head:
    """The head after `record`. Raises BrokenChain when it isn't the next record of that writer."""
    expected = (writer.run_id, writer.node_id, writer.role, writer.revision, writer.epoch)
    got = (record.run_id, record.node_id, record.role, record.revision, record.epoch)
    if got != expected:
        raise BrokenChain(f"{head.file} at byte {head.offset}: expected a record of {expected}, got {got}")
    if record.seq != head.next_seq:
        raise BrokenChain(f"{head.file} at byte {head.offset}: expected seq {head.next_seq}, got {record.seq}")
    if record.prev != head.sha256:
        raise BrokenChain(
            f"{head.file} at byte {head.offset}, seq {record.seq}: "
            f"expected prev {head.sha256[:16]}, got {record.prev[:16]}"
        )
    return Head(file=head.file, offset=head.offset + len(raw) + 1, sha256=sha256_hex(raw), next_seq=head.next_seq + 1)
