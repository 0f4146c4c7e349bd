"""The coordinator's own journal across its restarts: one file per process start, each naming the one before."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from console.coordination.errors import LostIdentity
from runners.contract import coordinator_records as rec
from runners.contract.document import Word
from runners.contract.errors import BadSignature
from runners.contract.journal import GENESIS, JournalRecord, Writer
from runners.records.clock import Clock
from runners.records.durable import read_regular, sync_fd
from runners.records.journal_file import JournalFile, JournalReader, VerifiedLine
from runners.records.keys import SigningKey

MAX_JOURNAL_BYTES = 1 << 30
KINDS = {cls: kind for kind, cls in rec.COORDINATOR_BODIES.items()}


@dataclass(frozen=True)
class Past:
    """Verified records of every earlier epoch, in order, and the state of the newest file."""

    records: tuple[JournalRecord, ...] = ()
    epochs: int = 0
    file: Path | None = None  # the newest
    tail: str = GENESIS  # hash of its last line
    torn: tuple[tuple[Path, int], ...] = ()  # files with bytes after their last newline, and where that is
    unsaid_bytes: int = 0  # of those, what no `recovered` record speaks of yet

    @property
    def closed(self) -> bool:
        return bool(self.records) and self.records[-1].kind == KINDS[rec.Closed]


@dataclass
class RunJournal:
    """Appends go to the newest file; everything in `past` lies in older ones."""

    file: JournalFile
    past: Past = field(default_factory=Past)

    @property
    def epoch(self) -> int:
        return self.file.writer.epoch

    def append(self, body: Word) -> VerifiedLine:
        return self.file.append(KINDS[type(body)], body)

    @classmethod
    def open(
        cls, folder: Path, run_id: str, node_id: str, key: SigningKey, clock: Clock, revision: int = 0
    ) -> "RunJournal":
        """Verify every earlier epoch, take over from it, cut its torn tail. The caller holds the run's lock."""
        past = read_past(folder, run_id, node_id, key, revision)
        writer = _writer(run_id, node_id, past.epochs, revision)
        journal = cls(JournalFile(folder / writer.file_name, writer, key, clock=clock), past)
        if past.file is not None:
            gap = max(0, clock.wall_ms() - past.records[-1].wall_ms) if past.records else 0
            journal.append(_takeover(past.file.name, past.tail, gap))
        if past.unsaid_bytes:
            # Said before it is done: a crash in between must not lose that something was cut.
            journal.append(rec.Recovered(cut_bytes=past.unsaid_bytes))
        for path, offset in past.torn:
            _cut(path, offset)
        return journal

    def close(self) -> None:
        self.file.close()


def read_past(folder: Path, run_id: str, node_id: str, key: SigningKey, revision: int = 0) -> Past:
    """Changes nothing. Raises LostIdentity, MalformedBytes, BrokenChain."""
    past = Past()
    while (path := folder / (writer := _writer(run_id, node_id, past.epochs, revision)).file_name).exists():
        reader, records = _read_epoch(path, writer, key)
        said = any(record.kind == KINDS[rec.Recovered] for record in records)
        past = Past(
            records=(*past.records, *records),
            epochs=past.epochs + 1,
            file=path,
            tail=reader.head.sha256,
            torn=(*past.torn, (path, reader.head.offset)) if reader.pending_bytes else past.torn,
            unsaid_bytes=reader.pending_bytes + (0 if said else past.unsaid_bytes),
        )
    return past


def _writer(run_id: str, node_id: str, epoch: int, revision: int) -> Writer:
    return Writer(run_id=run_id, node_id=node_id, role="coordinator", revision=revision, epoch=epoch)


def _read_epoch(path: Path, writer: Writer, key: SigningKey) -> tuple[JournalReader, list[JournalRecord]]:
    reader = JournalReader(writer, key.public_hex)
    try:
        lines = reader.feed(read_regular(path, limit=MAX_JOURNAL_BYTES))
    except BadSignature as error:
        raise LostIdentity(
            f"{path}: expected a journal signed by this machine's key {key.fingerprint}: {error}"
        ) from error
    return reader, [line.record for line in lines]


def _cut(path: Path, offset: int) -> None:
    fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.ftruncate(fd, offset)
        sync_fd(fd)
    finally:
        os.close(fd)


def _takeover(file_name: str, tail: str, gap_ms: int) -> rec.EpochOpened:
    return rec.EpochOpened(pid=os.getpid(), previous_file=file_name, previous_tail=tail, gap_ms=gap_ms)
