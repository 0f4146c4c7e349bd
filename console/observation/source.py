"""Follows the journals of one run, live or retained; every line is verified before anyone sees it."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.evidence.kept_file import open_kept
from console.observation.errors import NotARun, TooLong
from console.observation.follower import Follower, ReadLine
from console.observation.line import JournalFinding, Line, Ref, Stamp, read_body
from console.observation.runs import bundle_of, coordinator_folder
from runners.contract.coordinator_records import AdmissionDecided, BringupReceived, EpochOpened
from runners.contract.journal import Writer
from runners.records.clock import Clock
from runners.records.errors import RecordsError

_NAME = re.compile(r"^([a-z0-9][a-z0-9-]{0,63})\.(coordinator|contributor)\.r(\d{1,9})\.e(\d{1,9})\.jsonl$")
_KEY = re.compile(r"^[0-9a-f]{64}$")
_RUN = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,95}$")  # a RunId
BEHIND_MS, AHEAD_MS = 5_000, 500  # how far a writer's clock may stand off before arrival orders its lines


@dataclass(frozen=True, slots=True)
class Counters:
    """What was read so far. `signed` lines had their own signature checked, `chained` ones will have it."""

    read: int = 0
    signed: int = 0
    chained: int = 0
    broken_journals: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    lines: tuple[Line, ...]
    findings: tuple[JournalFinding, ...]

    def __bool__(self) -> bool:
        return bool(self.lines or self.findings)


class RunSource:
    """`poll` returns what is new, in order. The same code reads a live run and a bundle.

    Keys: the coordinator's is the one that its first record names and is signed with (a root that no outside witness
    confirms: compare the fingerprint); a node's is the one that the coordinator journaled for it.
    """

    def __init__(self, run_dir: Path, *, clock: Clock | None = None) -> None:
        self.run_dir = run_dir
        self.caught_up = False  # the end was reached once
        self.behind = False  # more was there than the last poll took
        self.broken_off = ""  # why nothing that the coordinator does now can be known: its newest journal holds no more
        self._clock = clock or Clock()
        self._coordinators: list[tuple[str, Path]] = []  # names and places of the journals to read
        self._contributors: list[tuple[str, Path]] = []
        self._followers: dict[str, Follower] = {}
        self._keys: dict[str, str] = {}
        self._coordinator_key: str | None = None
        self._order: dict[str, int] = {}
        self._run_id: str | None = None
        self._findings: list[JournalFinding] = []
        self._reported: set[str] = set()
        self._read = 0
        self._held: dict[str, list[Line]] = {}  # read, and not told before the other journals' earlier lines

    def counters(self) -> Counters:
        chained = sum(follower.chained_left for follower in self._followers.values())
        return Counters(self._read, self._read - chained, chained, len(self._reported))

    def proved_to(self, file: str) -> int:
        """Lines of `file` before this offset had their own signature checked."""
        follower = self._followers.get(file)
        return follower.proved_to if follower else 0

    def path_of(self, file: str) -> Path | None:
        follower = self._followers.get(file)
        return follower.path if follower else None

    def key_of(self, node_id: str, role: str) -> str | None:
        return self._coordinator_key if role == "coordinator" else self._keys.get(node_id)

    def folders(self) -> tuple[Path, ...]:
        """Where journals lie. Raises NotARun when the run has nowhere to keep them yet."""
        coordinator = coordinator_folder(self.run_dir)
        if coordinator is not None:
            return (coordinator / "journals", coordinator / "mirror")
        bundle = bundle_of(self.run_dir)
        if bundle is None:
            raise NotARun(f"{self.run_dir.name}: expected a run folder or a bundle, got neither a coordinator's folder "
                          "nor a bundle's first document; `swarm view PATH` opens retained bundles")  # fmt: skip
        return (bundle / "journals",)

    def poll(self) -> Batch:
        """What was written since the last call, each journal in its own order. Raises NotARun.

        A long journal comes in parts, and a line is held back until no journal can have an earlier one any more:
        `caught_up` says that nothing more was there.
        """
        unread: list[int] = []  # until where the journals are told that have more
        if not self.behind:  # folders are looked through when all that was there is read, and not at each part of it
            self._coordinators, self._contributors = self._files("coordinator"), self._files("contributor")
        for name, path in (*self._coordinators, *self._contributors):
            follower = self._follower(name, path)
            if follower is not None:
                held = self._held.setdefault(name, [])
                if not held:
                    held += self._take(name, follower)
                    self._note_broken(name, follower)
                if follower.has_more and held:
                    unread.append(held[-1].order_ms)
        self.behind = bool(unread)
        newest = self._followers.get(self._coordinators[-1][0]) if self._coordinators else None
        self.broken_off = (newest.broken if newest else None) or ""
        self.caught_up = self.caught_up or not self.behind
        findings, self._findings = self._findings, []
        return Batch(self._release(min(unread, default=None)), tuple(findings))

    def read_all(self, *, most: int | None = None) -> Batch:
        """Everything that is there now. Raises NotARun; TooLong when that is more than `most` lines."""
        lines: list[Line] = []
        findings: list[JournalFinding] = []
        while True:
            batch = self.poll()
            lines += batch.lines
            findings += batch.findings
            if most is not None and len(lines) > most:
                raise TooLong(
                    f"{self.run_dir.name}: expected at most {most:,} records to hold in memory, got more; "
                    "the receipts place reaches all of them, and the dashboard shows the end"
                )
            if not self.behind:
                return Batch(tuple(lines), tuple(findings))

    def _release(self, until_ms: int | None) -> tuple[Line, ...]:
        """Everything, or what is not later than `until_ms`, in the order of writing."""
        lines: list[Line] = []
        for name, held in self._held.items():
            ready = [line for line in held if until_ms is None or line.order_ms <= until_ms]
            self._held[name] = held[len(ready) :]  # each journal is in order
            lines += ready
        lines.sort(key=lambda line: (line.order_ms, line.role != "coordinator", line.ref))
        return tuple(lines)

    def prove(self, lines: int) -> int:
        """Spend idle time on signatures that were only chained so far; returns how many were checked."""
        for follower in self._followers.values():
            if done := follower.prove(lines):
                return done
        return 0

    def _files(self, role: str) -> list[tuple[str, Path]]:
        """Journals of one role, each node's in the order of revision and epoch."""
        found = []
        for folder in self.folders():
            for path in folder.iterdir() if folder.is_dir() else ():
                match = _NAME.match(path.name)
                if match and match[2] == role:
                    found.append(((match[1], int(match[3]), int(match[4])), path.name, path))
        return [(name, path) for _, name, path in sorted(found)]

    def _follower(self, name: str, path: Path) -> Follower | None:
        if name in self._followers:
            return self._followers[name]
        match = _NAME.match(name)
        assert match is not None
        if match[2] == "coordinator" and self._coordinator_key is None:
            self._learn_root(name, path)
        key = self.key_of(match[1], match[2])
        if key is None or self._run_id is None:
            return None  # not named yet: by the run's first record, or for this node by the coordinator
        writer = Writer.model_validate(
            {
                "run_id": self._run_id,
                "node_id": match[1],
                "role": match[2],
                "revision": int(match[3]),
                "epoch": int(match[4]),
            }
        )
        self._followers[name] = Follower(path, writer, key)
        return self._followers[name]

    def _learn_root(self, name: str, path: Path) -> None:
        """The key that the first record names; the follower then demands every signature by it."""
        record = _first_record(path)
        if record is None:
            return
        body, run_id = record.get("body"), record.get("run_id")
        key = body.get("coordinator_public_key") if isinstance(body, dict) else None
        named = isinstance(run_id, str) and _RUN.fullmatch(run_id)
        if record.get("kind") == "run_opened" and isinstance(key, str) and _KEY.fullmatch(key) and named:
            self._coordinator_key, self._run_id = key, run_id
        elif name not in self._reported:
            self._reported.add(name)
            what = f"expected run_opened with the coordinator's key as first record, got {record.get('kind')!r:.40}"
            self._findings.append(JournalFinding(name, 0, what, self._clock.wall_ms()))

    def _take(self, name: str, follower: Follower) -> list[Line]:
        """The next part of a journal."""
        taken = self._lines(name, follower.read(), Stamp(self._clock.wall_ms(), self._clock.mono_ms()))
        for line in taken:
            if line.from_coordinator:
                self._learn_keys(line)
                self._check_takeover(line)
        return taken

    def _lines(self, name: str, items: list[ReadLine], now: Stamp) -> list[Line]:
        """One loop, and fields by place: it is gone through for every record of a long journal."""
        lines, order, live = [], self._order.get(name, 0), self.caught_up
        for record, offset, size, sha256, proof in items:
            wall_ms, role, kind = record["wall_ms"], record["role"], record["kind"]
            body, flaw = read_body(role, kind, record["body"])
            at = Stamp(wall_ms, record["mono_ms"])
            # What was written before we came has no arrival here: its own clock dates it.
            arrival_ms = now.mono_ms if live else now.mono_ms - max(0, now.wall_ms - wall_ms)
            near = min(max(wall_ms, now.wall_ms - BEHIND_MS), now.wall_ms + AHEAD_MS) if live else wall_ms
            order = max(order, near)
            lines.append(
                Line(Ref(name, record["seq"], offset, size), sha256, record["run_id"], record["node_id"], role,
                     record["revision"], record["epoch"], kind, at, body, flaw, proof, arrival_ms, order)
            )  # fmt: skip
        self._order[name] = order
        self._read += len(lines)
        return lines

    def _note_broken(self, name: str, follower: Follower) -> None:
        if follower.broken is not None and name not in self._reported:
            self._reported.add(name)
            self._findings.append(JournalFinding(name, follower.head.offset, follower.broken, self._clock.wall_ms()))

    def _check_takeover(self, line: Line) -> None:
        """A coordinator that took over names the last line of the journal before; a longer one would be a fork."""
        if not isinstance(line.body, EpochOpened):
            return
        before = self._followers.get(line.body.previous_file)
        got = before.head.sha256 if before else "no such journal"
        if got != line.body.previous_tail:
            what = f"expected to follow {line.body.previous_file} at {line.body.previous_tail[:16]}, got {got[:16]}"
            self._findings.append(JournalFinding(line.ref.file, line.ref.offset, what, self._clock.wall_ms()))

    def _learn_keys(self, line: Line) -> None:
        if isinstance(line.body, BringupReceived | AdmissionDecided) and line.body.node_public_key:
            self._keys[line.body.node_id] = line.body.node_public_key


def _first_record(path: Path) -> dict[str, Any] | None:
    """The first line as JSON, unverified; None while it isn't whole."""
    try:
        fd = open_kept(path)
        with os.fdopen(fd, "rb") as stream:
            raw = stream.readline(64 * 1024 + 1)
        record = json.loads(raw) if raw.endswith(b"\n") else None
    except (RecordsError, OSError, ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
