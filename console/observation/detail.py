"""One record read again from disk and checked again, for the eyes of someone who doubts it."""

import os
from dataclasses import dataclass
from pathlib import Path

from console.evidence.kept_file import open_kept
from console.observation.errors import RecordGone
from console.observation.line import Ref
from runners.contract.canonical import parse_strict, readable_bytes, sha256_hex
from runners.contract.errors import BadSignature, ContractError
from runners.contract.journal import GENESIS, MAX_LINE_BYTES, JournalRecord, parse_line
from runners.records.errors import RecordsError
from runners.records.keys import fingerprint, verify


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class RecordDetail:
    """`readable` is for reading; `raw` are the bytes that were signed."""

    ref: Ref
    raw: bytes
    record: JournalRecord | None
    readable: str
    sha256: str
    checks: tuple[Check, ...]


def read_detail(path: Path, ref: Ref, *, expected_sha256: str, public_key: str | None) -> RecordDetail:
    """Raises RecordGone when the bytes aren't there any more."""
    try:
        fd = open_kept(path)
    except RecordsError as error:
        raise RecordGone(f"{ref.file}: {error}; the run folder may have been moved") from error
    try:
        start = max(0, ref.offset - MAX_LINE_BYTES - 1)
        before = os.pread(fd, ref.offset - start, start)
        raw = os.pread(fd, ref.size, ref.offset)
    finally:
        os.close(fd)
    if len(raw) != ref.size:
        raise RecordGone(f"{ref.file} at byte {ref.offset}: expected {ref.size} bytes, got {len(raw)}")
    digest = sha256_hex(raw)
    checks = [Check("digest", digest == expected_sha256, digest)]
    try:
        record = parse_line(raw)
    except ContractError as error:
        return RecordDetail(ref, raw, None, _readable(raw), digest, (*checks, Check("form", False, str(error))))
    checks += [_signature(record, raw, public_key), _chain(record, before)]
    return RecordDetail(ref, raw, record, _readable(raw), digest, tuple(checks))


def _signature(record: JournalRecord, raw: bytes, public_key: str | None) -> Check:
    if public_key is None:
        return Check("signature", False, f"no key of {record.node_id} is known yet")
    try:
        verify(public_key, record.sig, record.signed_bytes(raw))
    except BadSignature as error:
        return Check("signature", False, str(error))
    return Check("signature", True, f"by key {fingerprint(public_key)}")


def _chain(record: JournalRecord, before: bytes) -> Check:
    previous = before.rstrip(b"\n").rsplit(b"\n", 1)[-1]
    expected = sha256_hex(previous) if previous else GENESIS
    return Check("chain", record.prev == expected, record.prev)


def _readable(raw: bytes) -> str:
    try:
        return readable_bytes(parse_strict(raw)).decode()
    except (ContractError, ValueError):
        return raw.decode(errors="backslashreplace")
