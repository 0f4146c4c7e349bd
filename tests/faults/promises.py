"""What every cell of the fault matrix promises, read from what it left on disk. Each promise yields what is broken."""

import hashlib
import json
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from console.evidence.checks.real_run import check_real_run
from console.observation.runs import RunStanding, inspect_run
from console.observation.source import RunSource
from runners.contract.coordinator_records import WindowChanged
from tests.faults.rig import FaultRun

TOKEN = re.compile(rb"swarm1-[A-Za-z0-9_-]{20}")  # the source that is sent to a host names the mark alone
REATTACH_S = 2.0
ONCE = (
    "run_opened", "plan_bound", "window_opened", "merged", "scored", "promotion_decided", "closed",
)  # fmt: skip
ONCE_PER_NODE = ("admission_decided", "shipped", "launched", "runner_ready", "contribution_seen", "released")
ACCEPTED = ("exact", "within_tolerance")
CHANGES = 4  # of the bundle, each refused by the checker; tests/checks changes every file and 2000 bytes


@dataclass
class Witness:
    """What was seen while the cell went on."""

    expected: tuple[str, ...]  # classifications that are truthful for this fault at this moment
    journal_touched: bool = False  # the host's own journal was changed on its disk: its copy at the coordinator counts
    acknowledged: dict[Path, bytes] = field(default_factory=dict)  # whole lines that were on disk at some moment
    said: set[str] = field(default_factory=set)  # argv and environments
    reattached_s: float | None = None
    status_s: float | None = None
    reattached_wrong: str = ""

    def look(self, run: FaultRun) -> None:
        """Every journal line that exists now must exist to the end; every process shows what it was told."""
        self.look_at_journals(run)
        for process in run.left():
            try:
                self.said.add("\0".join([*process.cmdline(), *process.environ().values()]))
            except psutil.Error:
                continue

    def look_at_journals(self, run: FaultRun) -> None:
        for path in journals(run):
            whole = path.read_bytes()
            seen = self.acknowledged.get(path, b"")
            if whole.startswith(seen):  # else what was seen before is what is told to be gone
                self.acknowledged[path] = whole[: whole.rfind(b"\n") + 1]

    def reattach(self, run: FaultRun) -> None:
        """A new observer tells where the run stands; then `swarm status` does, as a process of its own."""
        started = time.monotonic()
        standing, window = _observed(run)
        self.reattached_s = time.monotonic() - started
        started = time.monotonic()
        asked = subprocess.run(
            [sys.executable, "-m", "console.cli.main", "status", run.run_id, "--json"],
            env=run.env(), capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        self.status_s = time.monotonic() - started
        said = json.loads(asked.stdout)[0] if asked.stdout.startswith("[") else {}
        now = _observed(run)
        # What was true when it was asked, or has become true meanwhile.
        if (said.get("standing"), said.get("window")) not in (
            (standing, window),
            now,
            (now[0], window),
            (standing, now[1]),
        ):
            self.reattached_wrong = f"expected {standing} {window}, got {said or asked.stderr[-300:]}"


def _observed(run: FaultRun) -> tuple[str, str]:
    ref = inspect_run(run.root)
    window = "planned"
    for line in RunSource(run.root).poll().lines:
        if isinstance(line.body, WindowChanged):
            window = line.body.after.value
    return (ref.standing if ref else RunStanding.LEFT).value, window


def journals(run: FaultRun) -> list[Path]:
    folders = [*run.root.glob("mac/coordinator*/journals"), run.host_root, run.root / "mac" / "runner"]
    return [path for folder in folders for path in sorted(folder.glob("*.jsonl"))]


def broken_promises(run: FaultRun, witness: Witness, seed: int) -> list[str]:
    """Every promise that was not kept, in words."""
    return [f"{promise.__name__}: {what}" for promise in PROMISES for what in promise(run, witness, seed)]


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def records_are_there_exactly_once(run: FaultRun, witness: Witness, _: int) -> Iterator[str]:
    """Own journals and the bundle's agree byte for byte; numbers run without a gap; decisions were taken once."""
    kept = {path.name: path for bundle in run.root.glob("bundle*") for path in (bundle / "journals").glob("*.jsonl")}
    for path in journals(run):
        touched = witness.journal_touched and path.parent == run.host_root
        if path.name not in kept:
            if ".coordinator." in path.name:
                yield f"{path.name} isn't in the bundle"
            continue
        theirs, ours = kept[path.name].read_bytes(), path.read_bytes()
        if not touched and not ours.startswith(theirs):
            yield f"{path.name} in the bundle is no prefix of the host's own"
        if ".coordinator." in path.name and ours != theirs:
            yield f"{path.name} differs from the bundle's"
    for name, path in kept.items():
        numbers = [line["seq"] for line in _lines(path)]
        if numbers != list(range(len(numbers))):
            yield f"{name}: numbers {numbers[:20]}"
    yield from _once(run)


def _once(run: FaultRun) -> Iterator[str]:
    for bundle in run.root.glob("bundle*"):
        own = [line for path in (bundle / "journals").glob("*.coordinator.*") for line in _lines(path)]
        said = Counter(line["kind"] for line in own)
        yield from (f"{kind} {said[kind]} times" for kind in ONCE if said[kind] > 1)
        per = Counter((line["kind"], line["body"].get("node_id")) for line in own)
        yield from (
            f"{kind} of {node} {count} times"
            for (kind, node), count in per.items()
            if kind in ONCE_PER_NODE and count > 1
        )


def nothing_acknowledged_is_lost(_: FaultRun, witness: Witness, __: int) -> Iterator[str]:
    for path, before in witness.acknowledged.items():
        if witness.journal_touched and ".contributor." in path.name:
            continue
        after = path.read_bytes() if path.exists() else b""
        if not after.startswith(before):
            yield f"{path.name}: lines that were on disk are gone"


def final_names_are_absent_or_exact(run: FaultRun, _: Witness, __: int) -> Iterator[str]:
    """Whatever lies under the name of a result is what its digest says; drafts lie under other names."""
    said = {
        (r["body"]["node_id"], file["name"]): file["sha256"]
        for r in run.records() if r["kind"] == "contribution_seen" for file in r["body"]["files"]
    }  # fmt: skip
    for (node, name), sha256 in said.items():
        for path in run.own.glob(f"artifacts/{node}/{name}"):
            if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
                yield f"artifacts/{node}/{name} isn't what was journaled"
    for bundle in run.root.glob("bundle*"):
        listed = json.loads((bundle / "first_swarm_real_run_bundle.json").read_bytes())
        files = {item["path"]: item["sha256"] for item in listed["files"]}
        for path in bundle.rglob("*"):
            name = path.relative_to(bundle).as_posix()
            if path.is_file() and name in files and hashlib.sha256(path.read_bytes()).hexdigest() != files[name]:
                yield f"bundle: {name} isn't what is listed"


def merged_only_what_was_accepted_and_replayed(run: FaultRun, _: Witness, __: int) -> Iterator[str]:
    records = run.records()
    if not any(r["kind"] == "merged" for r in records):
        return
    nodes = {card["node_id"] for r in records if r["kind"] == "run_opened" for card in r["body"]["contributors"]}
    replayed = {
        r["body"]["node_id"] for r in records if r["kind"] == "replay_judged" and r["body"]["outcome"] in ACCEPTED
    }
    accepted = {
        r["body"]["node_id"] for r in records
        if r["kind"] == "contribution_judged" and r["body"]["disposition"] == "accepted"
    }  # fmt: skip
    if nodes != replayed or nodes != accepted:
        yield f"merged with {sorted(replayed)} replayed and {sorted(accepted)} accepted of {sorted(nodes)}"


def one_terminal_disposition_the_frozen_one(run: FaultRun, witness: Witness, _: int) -> Iterator[str]:
    closed = [r["body"]["classification"] for r in run.records() if r["kind"] == "closed"]
    if len(closed) != 1 or closed[0] not in witness.expected:
        last = next((r["body"]["reason"] for r in reversed(run.records()) if r["kind"] == "window_changed"), "")
        yield f"expected one of {witness.expected}, got {closed}: {last}"


def the_checker_accepts_and_refuses_any_change(run: FaultRun, _: Witness, seed: int) -> Iterator[str]:
    bundle = run.bundle
    if not bundle.exists():
        yield "no bundle"
        return
    for finding in check_real_run(bundle).findings:
        yield f"the checker: {finding}"
    copy, chance = run.folder / "changed", random.Random(seed)
    for number in range(CHANGES):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(bundle, copy)
        what = _change(copy, chance, number)
        if check_real_run(copy).consistent:
            yield f"the checker accepts a bundle with {what}"
    shutil.rmtree(copy, ignore_errors=True)


def _change(bundle: Path, chance: random.Random, number: int) -> str:
    files = sorted(path for path in bundle.rglob("*") if path.is_file() and path.stat().st_size)
    path = chance.choice(files)
    name = path.relative_to(bundle).as_posix()
    path.chmod(0o644)
    raw = bytearray(path.read_bytes())
    if number == 0:
        path.unlink()
        return f"{name} gone"
    if number == 1:
        path.write_bytes(raw[: chance.randrange(len(raw))])
        return f"{name} cut short"
    raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    path.write_bytes(raw)
    return f"one bit of {name} changed"


def no_process_is_left(run: FaultRun, _: Witness, __: int) -> Iterator[str]:
    deadline = time.monotonic() + 15
    while left := run.left():
        if time.monotonic() > deadline:
            yield ", ".join(" ".join(process.cmdline()[-4:]) for process in left)
            return
        time.sleep(0.05)


def reattaching_shows_the_true_state(_: FaultRun, witness: Witness, __: int) -> Iterator[str]:
    if witness.reattached_s is None or witness.reattached_s > REATTACH_S:
        yield f"a new observer took {witness.reattached_s} s"
    if witness.reattached_wrong:
        yield witness.reattached_wrong


def the_token_is_nowhere(run: FaultRun, witness: Witness, _: int) -> Iterator[str]:
    known = [run.token.encode()] if run.token else []

    def shows(raw: bytes) -> bool:
        return TOKEN.search(raw) is not None or any(token in raw for token in known)

    for path in run.folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and shows(path.read_bytes()):
            yield f"on disk: {path.relative_to(run.folder)}"
    for text in witness.said:
        # The operator exports it for the console, as the runbook says; nothing that this starts may show it.
        if "console.cli.main" not in text and shows(text.encode()):
            yield f"shown by a process: {text[:200]}"


PROMISES: tuple[Callable[[FaultRun, Witness, int], Iterator[str]], ...] = (
    records_are_there_exactly_once,
    nothing_acknowledged_is_lost,
    final_names_are_absent_or_exact,
    merged_only_what_was_accepted_and_replayed,
    one_terminal_disposition_the_frozen_one,
    the_checker_accepts_and_refuses_any_change,
    no_process_is_left,
    reattaching_shows_the_true_state,
    the_token_is_nowhere,
)
