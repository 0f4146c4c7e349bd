"""The coordinator's own journal across its restarts: one file per process start, each naming the one before."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from console.coordination.errors import LostIdentity
from runners.contract import coordinator_records as rec
from runners.contract.document import Word, word_from_json
from runners.contract.errors import BadSignature
from runners.contract.journal import JournalRecord, Writer
from runners.records.clock import Clock
from runners.records.journal_file import JournalFile, JournalReader, VerifiedLine
from runners.records.keys import SigningKey

Sink = Callable[[VerifiedLine], None]


@dataclass
class RunJournal:
    """`past` are the verified records of earlier epochs, in order; appends go to the newest file."""

    past: tuple[JournalRecord, ...]
    file: JournalFile
    cut_bytes: int

    @property
    def epoch(self) -> int:
        return self.file.writer.epoch

    def append(self, body: Word) -> VerifiedLine:
        return self.file.append(KINDS[type(body)], body)

    @classmethod
    def open(cls, folder: Path, run_id: str, node_id: str, key: SigningKey, clock: Clock) -> "RunJournal":
        """Verify every earlier epoch, cut a torn tail, and start the next one. The caller holds the run's lock."""
        past: list[JournalRecord] = []
        epoch, cut, tail = 0, 0, None
        while (path := folder / _writer(run_id, node_id, epoch).file_name).exists():
            records, cut, tail = _read_epoch(path, _writer(run_id, node_id, epoch), key)
            past += records
            epoch += 1
        writer = _writer(run_id, node_id, epoch)
        file = JournalFile(folder / writer.file_name, writer, key, clock=clock)
        journal = cls(tuple(past), file, cut)
        if tail is not None:
            gap = max(0, clock.wall_ms() - past[-1].wall_ms) if past else 0
            journal.append(_takeover(tail, gap))
            if cut:
                journal.append(rec.Recovered(cut_bytes=cut))
        return journal

    def close(self) -> None:
        self.file.close()


KINDS = {cls: kind for kind, cls in rec.COORDINATOR_BODIES.items()}


def body_of(record: JournalRecord) -> Word:
    """The typed body. Raises KeyError for a kind that this version doesn't know."""
    return word_from_json(rec.COORDINATOR_BODIES[record.kind], record.body)


def _writer(run_id: str, node_id: str, epoch: int) -> Writer:
    return Writer(run_id=run_id, node_id=node_id, role="coordinator", revision=0, epoch=epoch)


def _read_epoch(path: Path, writer: Writer, key: SigningKey) -> tuple[list[JournalRecord], int, tuple[str, str]]:
    """Records, bytes cut from a torn tail, and (file name, hash of the last line)."""
    try:
        file = JournalFile(path, writer, key)
    except BadSignature as error:
        raise LostIdentity(
            f"{path}: expected a journal signed by this machine's key {key.fingerprint}: {error}"
        ) from error
    cut = file.cut_bytes
    file.close()
    reader = JournalReader(writer, key.public_hex)
    lines = reader.feed(path.read_bytes())
    return [line.record for line in lines], cut, (path.name, reader.head.sha256)


def _takeover(tail: tuple[str, str], gap_ms: int) -> rec.EpochOpened:
    return rec.EpochOpened(pid=os.getpid(), previous_file=tail[0], previous_tail=tail[1], gap_ms=gap_ms)
