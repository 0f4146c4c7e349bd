"""Training checkpoints on their way to the coordinator: each fetched as soon as it was journaled, checked, and kept.

What is kept here survives the host: a later revision goes on from it, and the replay starts its segments from it.
"""

import asyncio
import sys
from pathlib import Path

from console.coordination.desk import Desk
from console.coordination.works.preparing import read_plan
from console.hosts.errors import ArtifactDigestMismatch, FetchRefused, FileAbsent, HostError
from console.validation.adapter import norm_past, scaled
from console.validation.training_state import read_state
from runners.contract import coordinator_records as rec
from runners.contract.canonical import sha256_hex
from runners.contract.journal import Head
from runners.contract.plan import Assignment, CheckpointRef, checkpoint_name, checkpoints_after
from runners.records.durable import read_regular, write_durable
from runners.records.errors import TensorFileError
from runners.records.training_state import most_bytes


async def keep(desk: Desk, node_id: str) -> None:
    """All that are outstanding, in order. Raises LinkDown and HostUnreachable, to be asked again."""
    async with desk.keeping.setdefault(node_id, asyncio.Lock()):
        for ref, head in desk.node(node_id).outstanding:
            if not await _keep_one(desk, node_id, ref, head):
                return


async def keep_late(desk: Desk, node_id: str) -> None:
    """What a runner left behind when its attempt ended. A host that is gone keeps it; that is said and no more."""
    try:
        async with asyncio.timeout(desk.contract.policies.fetch_ms / 1000):
            await keep(desk, node_id)
    except (TimeoutError, HostError) as error:
        said = str(error) or f"they did not come within {desk.contract.policies.fetch_ms / 1000:g} s"
        print(f"checkpoints of {node_id} could not be kept: {said}", file=sys.stderr)


async def _keep_one(desk: Desk, node_id: str, ref: CheckpointRef, head: Head) -> bool:
    assignment = read_plan(desk).assignment(node_id)
    folder = desk.paths.checkpoints(node_id)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / ref.file.name
    reason, findings = "unplanned_checkpoint", _planned(assignment, ref)
    if not findings:
        try:
            reason, findings = await _fetch(desk, node_id, ref, target, assignment)
        except (FetchRefused, FileAbsent) as error:
            reason, findings = "artifact_digest_mismatch", (_finding(f"file_{ref.file.name}", "a regular file", error),)
    if findings:
        desk.note(rec.CheckpointRefused(node_id=node_id, step=ref.step, reason=reason, findings=findings, head=head))
        return False
    desk.note(rec.CheckpointKept(node_id=node_id, checkpoint=ref, head=head))
    return True


def _planned(assignment: Assignment, ref: CheckpointRef) -> tuple[rec.Finding, ...]:
    """A name that the plan doesn't expect is never opened."""
    start = assignment.start.step if assignment.start else 0
    expected = {step: checkpoint_name(step) for step in checkpoints_after(assignment.recipe, start)}
    got = expected.get(ref.step)
    if got == ref.file.name:
        return ()
    return (_finding(f"checkpoint_after_step_{ref.step}", got or f"one of steps {list(expected)}", ref.file.name),)


async def _fetch(
    desk: Desk, node_id: str, ref: CheckpointRef, target: Path, assignment: Assignment
) -> tuple[str, tuple[rec.Finding, ...]]:
    limit = most_bytes(assignment)
    host = await desk.host(node_id)
    try:
        await host.fetch(f"checkpoints/r{ref.revision}/{ref.file.name}", ref.file, target, limit=limit)
    except ArtifactDigestMismatch as error:
        _quarantine(desk, node_id, ref.file.name, error.received, "artifact_digest_mismatch")
        return "artifact_digest_mismatch", (_finding(f"sha256_of_{ref.file.name}", ref.file.sha256, error),)
    wrong = await asyncio.to_thread(_unsound, target, ref, assignment, desk.contract.governance.delta_norm_bound)
    if wrong:
        _quarantine(desk, node_id, ref.file.name, target, "malformed_checkpoint")
    return "malformed_checkpoint", wrong


def _unsound(path: Path, ref: CheckpointRef, assignment: Assignment, bound: float) -> tuple[rec.Finding, ...]:
    """The header of the file itself; then all finite, and within the norm that the lane admits."""
    raw = read_regular(path, limit=most_bytes(assignment))
    try:
        state = read_state(raw, assignment, ref.step, name=ref.file.name)
    except TensorFileError as error:
        return (_finding("checkpoint_file", f"a training state after step {ref.step}", error),)
    norm = norm_past(*scaled(state.adapter), bound)
    return () if norm is None else (_finding("delta_norm", f"at most {bound:g}", f"{norm:g}"),)


def _quarantine(desk: Desk, node_id: str, name: str, received: Path, reason: str) -> None:
    data = received.read_bytes()
    folder = desk.paths.quarantine / node_id
    folder.mkdir(exist_ok=True)
    write_durable(folder / name, data)
    received.unlink()
    desk.note(rec.Quarantined(node_id=node_id, name=name, reason=reason, sha256=sha256_hex(data), size_bytes=len(data)))


def _finding(rule: str, expected: object, got: object) -> rec.Finding:
    return rec.Finding(rule=rule, expected=str(expected)[:1000], got=str(got)[:1000])


def lineage(desk: Desk, node_id: str) -> tuple[CheckpointRef, ...]:
    """Every checkpoint of the slice's work, by step: what was gone on from, then what was kept in this revision."""
    gone_on = read_plan(desk).assignment(node_id).continues_from
    return (*gone_on, *(kept.checkpoint for kept in desk.node(node_id).kept))
