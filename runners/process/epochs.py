"""Each start of a runner is a new epoch: a new journal file that names the last line of the one before."""

import re
from dataclasses import dataclass
from pathlib import Path

from runners.contract.errors import ContractError
from runners.contract.journal import Writer
from runners.process.refusals import detail_of
from runners.records.journal_file import JournalFile
from runners.records.keys import SigningKey


@dataclass(frozen=True)
class PreviousEpoch:
    """`broken` says why the file before could not be verified to its end."""

    file: str | None = None
    tail: str | None = None
    cut_bytes: int = 0
    broken: str = ""


def next_writer(folder: Path, run_id: str, node_id: str, revision: int) -> Writer:
    epochs = [epoch for _, epoch in _journals(folder, node_id)]
    return Writer(
        run_id=run_id, node_id=node_id, role="contributor", revision=revision, epoch=max(epochs, default=-1) + 1
    )


def close_previous(folder: Path, writer: Writer, key: SigningKey) -> PreviousEpoch:
    """Cut the torn tail that a killed runner left. Its writer is dead: the caller holds the folder's lock."""
    journals = sorted(_journals(folder, writer.node_id), key=lambda found: found[1])
    if not journals:
        return PreviousEpoch()
    revision, epoch = journals[-1]
    before = writer.model_copy(update={"revision": revision, "epoch": epoch})
    try:
        journal = JournalFile(folder / before.file_name, before, key)
    except (ContractError, OSError) as error:
        return PreviousEpoch(before.file_name, broken=detail_of(error, None))
    journal.close()
    return PreviousEpoch(before.file_name, journal.head.sha256, journal.cut_bytes)


def _journals(folder: Path, node_id: str) -> list[tuple[int, int]]:
    """(revision, epoch) of every journal that this node wrote here."""
    pattern = re.compile(rf"{re.escape(node_id)}\.contributor\.r(\d+)\.e(\d+)\.jsonl")
    found = (pattern.fullmatch(path.name) for path in folder.iterdir())
    return [(int(match[1]), int(match[2])) for match in found if match]
