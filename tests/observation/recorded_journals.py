"""Run folders with real signed journals: recorded once on a clock of its own, then laid down up to any moment.

The records are made up; keys, chains, signatures and forms are the real ones, so every reader has to verify them.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.evidence.models import BUNDLE_FILE, RealRunBundle
from runners.contract.document import Word
from runners.contract.journal import Head, Writer, start_of
from runners.contract.lane import Policies
from runners.contract.states import (
    Classification,
)
from runners.records.clock import Clock
from runners.records.journal_file import JournalFile
from runners.records.keys import SigningKey

RUN_ID = "first-swarm-live-20261123T134500Z"


WALL_0 = 1_795_441_500_000  # 2026-11-23 13:45:00 UTC


MONO_0 = 90_000_000


MAC, LINUX = "swarm-mac-a", "swarm-linux-a"


STEPS = 100


POLICIES = Policies(
    heartbeat_ms=1000,
    stale_ms=5000,
    loss_ms=7500,
    skew_ms=15_000,
    skew_wait_ms=15_000,
    contact_ms=20_000,
    prepare_ms=60_000,
    fetch_ms=10_000,
    replay_ms=60_000,
    max_revisions=2,
)


def sha(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def fixture_key(name: str) -> SigningKey:
    return SigningKey(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"fixture {name}".encode()).digest()))


@dataclass(frozen=True)
class Entry:
    at_ms: int
    folder: str  # "journals" or "mirror"
    file: str
    raw: bytes


@dataclass
class Recording:
    """Entries in the order of writing."""

    run_id: str
    entries: list[Entry] = field(default_factory=list)

    @property
    def end_ms(self) -> int:
        return self.entries[-1].at_ms

    def first(self, kind: str, node_id: str = "") -> int:
        """When the first record of a kind was written."""
        wanted = (f'"kind":"{kind}"'.encode(), f'"node_id":"{node_id}"'.encode() if node_id else b"")
        return next(entry.at_ms for entry in self.entries if all(part in entry.raw for part in wanted))

    def write(self, run_dir: Path, *, since_ms: int = -1, until_ms: int | None = None) -> Path:
        """Append what was written in (since, until] to the run folder's journals."""
        coordinator = run_dir / "mac" / "coordinator"
        for folder in ("journals", "mirror", "inbox"):
            (coordinator / folder).mkdir(parents=True, exist_ok=True)
        for entry in self.entries:
            if since_ms < entry.at_ms and (until_ms is None or entry.at_ms <= until_ms):
                with (coordinator / entry.folder / entry.file).open("ab") as stream:
                    stream.write(entry.raw + b"\n")
        return run_dir

    def write_bundle(self, run_dir: Path, classification: Classification) -> Path:
        """What is kept: every journal under its own name, and the first document."""
        bundle = run_dir / "bundle"
        (bundle / "journals").mkdir(parents=True)
        for entry in self.entries:
            with (bundle / "journals" / entry.file).open("ab") as stream:
                stream.write(entry.raw + b"\n")
        (bundle / BUNDLE_FILE).write_bytes(_bundle_document(self.run_id, classification).to_bytes())
        return bundle


def _bundle_document(run_id: str, classification: Classification) -> RealRunBundle:
    good = classification is Classification.BOUNDED_SUCCESS
    return RealRunBundle.seal(
        run_id=run_id,
        run_family_id="first_swarm_live",
        lane_id="loopback",
        result_classification=classification,
        reason="made for a test",
        contract_digest=sha("contract"),
        plan_digest=None,
        membership_digest=None,
        coordinator_public_key=fixture_key("coordinator").public_hex,
        operator_public_key=fixture_key("operator").public_hex,
        total_contributions=2,
        accepted_contributions=2 if good else 0,
        replay_checked_contributions=2 if good else 0,
        merge_disposition="merged" if good else "no_merge",
        promotion_disposition="promoted" if good else "not_reached",
        publish_disposition="refused",
        publish_reason="never automatic",
        held_out_scores=(),
        findings=(),
        claim_boundary="a fixture: nothing was trained",
        files=(),
    )


class Recorder:
    """Writes through the real journal writer into a scratch folder and notes when."""

    def __init__(self, scratch: Path, run_id: str = RUN_ID) -> None:
        self.recording = Recording(run_id)
        self.now_ms = 0
        self.planned: list[tuple[int, str, str, Word, int, int]] = []
        self._scratch = scratch
        self._journals: dict[str, tuple[str, JournalFile]] = {}
        self._clock = Clock(lambda: WALL_0 + self.now_ms, lambda: MONO_0 + self.now_ms)

    def _journal(self, who: str, revision: int, epoch: int) -> tuple[str, JournalFile]:
        role: Literal["coordinator", "contributor"] = "coordinator" if who == "coordinator" else "contributor"
        node_id = MAC if role == "coordinator" else who
        writer = Writer(run_id=self.recording.run_id, node_id=node_id, role=role, revision=revision, epoch=epoch)
        if writer.file_name not in self._journals:
            path = self._scratch / writer.file_name
            folder = "journals" if role == "coordinator" else "mirror"
            self._journals[writer.file_name] = (
                folder,
                JournalFile(path, writer, fixture_key(who), clock=self._clock),
            )
        return self._journals[writer.file_name]

    def put(self, at_ms: int, who: str, kind: str, body: Word, *, revision: int = 0, epoch: int = 1) -> None:
        self.planned.append((at_ms, who, kind, body, revision, epoch))

    def close(self) -> Recording:
        for at_ms, who, kind, body, revision, epoch in sorted(self.planned, key=lambda planned: planned[0]):
            self.now_ms = at_ms
            folder, journal = self._journal(who, revision, epoch)
            line = journal.append(kind, body)
            self.recording.entries.append(Entry(at_ms, folder, journal.head.file, line.raw))
        for _, journal in self._journals.values():
            journal.close()
        return self.recording


def head(name: str = "x", role: str = "contributor") -> Head:
    writer = Writer(run_id=RUN_ID, node_id=MAC, role=role, revision=1, epoch=1)  # type: ignore[arg-type]
    return start_of(writer).model_copy(update={"sha256": sha(name)})
