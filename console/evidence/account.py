"""The journals of a run, read back: what the reports and the audit count and quote."""

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from runners.contract import coordinator_records as rec
from runners.contract import node_records as node_rec
from runners.contract.canonical import parse_strict, sha256_hex
from runners.contract.document import Word, word_from_json
from runners.contract.journal import Head, JournalRecord


@dataclass(frozen=True)
class Entry:
    """A record with its typed body."""

    record: JournalRecord
    body: Word


@dataclass(frozen=True)
class NodeAccount:
    node_id: str
    heads: tuple[Head, ...]
    entries: tuple[Entry, ...]

    def counts(self) -> dict[str, int]:
        return _counts(self.entries)

    def of(self, *kinds: str) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.record.kind in kinds)

    def longest_beat_gap_ms(self) -> int | None:
        """Between the contributor's own heartbeats, on its own monotonic clock, from `began` to `produced`."""
        span = [entry.record for entry in self.of("began", "heartbeat", "produced")]
        began = next((i for i, record in enumerate(span) if record.kind == "began"), None)
        if began is None:
            return None
        ended = next((i for i, record in enumerate(span) if record.kind == "produced"), len(span) - 1)
        return max((b.mono_ms - a.mono_ms for a, b in pairwise(span[began : ended + 1])), default=None)


@dataclass(frozen=True)
class Account:
    coordinator: NodeAccount
    contributors: dict[str, NodeAccount] = field(default_factory=dict)

    @property
    def findings(self) -> tuple[rec.Finding, ...]:
        """Every finding that a judgement of this run rests on."""
        judged = [entry.body for entry in self.coordinator.of("submission_judged", "contribution_judged")]
        found = [finding for body in judged for finding in getattr(body, "findings", ())]
        return tuple(dict.fromkeys(found))


def account_of(folder: Path, run_id: str) -> Account:
    """Reads the journals of a closed run in the coordinator's own folder, which verified every line on arrival."""
    coordinator: list[tuple[Head, list[Entry]]] = []
    nodes: dict[str, list[tuple[Head, list[Entry]]]] = {}
    for path in sorted(folder.glob("*.jsonl"), key=_epoch_order):
        head, entries = _read(path)
        if not entries:
            continue
        first = entries[0].record
        if first.run_id != run_id:
            raise ValueError(f"{path.name}: expected records of run {run_id}, got {first.run_id}")
        target = coordinator if first.role == "coordinator" else nodes.setdefault(first.node_id, [])
        target.append((head, entries))
    return Account(
        _joined("coordinator", coordinator), {node_id: _joined(node_id, files) for node_id, files in nodes.items()}
    )


def _epoch_order(path: Path) -> tuple[str, int, int]:
    """Revision and epoch are numbers: e10 comes after e9."""
    name, revision, epoch = path.stem.rsplit(".", 2)
    return name, int(revision[1:]), int(epoch[1:])


def _read(path: Path) -> tuple[Head, list[Entry]]:
    offset, last, entries = 0, "0" * 64, []
    for raw in path.read_bytes().split(b"\n")[:-1]:
        record = word_from_json(JournalRecord, parse_strict(raw))
        bodies = rec.COORDINATOR_BODIES if record.role == "coordinator" else node_rec.NODE_BODIES
        entries.append(Entry(record, word_from_json(bodies[record.kind], record.body)))
        offset, last = offset + len(raw) + 1, sha256_hex(raw)
    return Head(file=path.name, offset=offset, sha256=last, next_seq=len(entries)), entries


def _joined(node_id: str, files: list[tuple[Head, list[Entry]]]) -> NodeAccount:
    return NodeAccount(
        node_id, tuple(head for head, _ in files), tuple(entry for _, entries in files for entry in entries)
    )


def _counts(entries: tuple[Entry, ...]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for entry in entries:
        counts[entry.record.kind] = counts.get(entry.record.kind, 0) + 1
    return dict(sorted(counts.items()))
