"""A contribution's way to the coordinator: fetched, measured against journal and plan, or quarantined."""

from pathlib import Path

from console.coordination.desk import Desk
from console.coordination.works.checkpoints import lineage
from console.coordination.works.preparing import read_plan
from console.hosts.errors import ArtifactDigestMismatch, FetchRefused, FileAbsent
from console.hosts.follower import MAX_MIRROR_BYTES
from console.validation.rules import judge
from console.validation.slice_file import sample_lengths
from console.validation.story import Story, judge_story
from console.validation.submission import UnverifiedSubmission
from console.validation.training_state import losses_in
from runners.contract import coordinator_records as rec
from runners.contract.canonical import sha256_hex
from runners.contract.journal import parse_line
from runners.contract.plan import ADAPTER_FILE, RECEIPT_FILE, Assignment, FileRef
from runners.contract.receipts import ContributorReceipt
from runners.records.durable import read_regular, write_durable

SPARE_BYTES = 1024 * 1024  # config and receipt beside the two matrices


async def fetch(desk: Desk, node_id: str) -> None:
    """Pull every file of the outbox, whose digests the contributor journaled before. Late work is fetched too."""
    node = desk.node(node_id)
    assert node.seen is not None
    started = desk.clock.mono_ms()
    limit = upload_limit(desk, node_id)
    folder = desk.paths.artifacts / node_id
    folder.mkdir(exist_ok=True)
    files: dict[str, bytes] = {}
    reason, findings = _expected_names(desk, node_id)
    for ref in node.seen.files if not findings else ():
        try:
            path = await _fetch_one(desk, node_id, ref, folder, limit)
            files[ref.name] = read_regular(path, limit=limit)
        except ArtifactDigestMismatch as error:
            reason, findings = "artifact_digest_mismatch", (_finding(f"sha256_of_{ref.name}", ref.sha256, error),)
            _quarantine(desk, node_id, ref.name, error.received.read_bytes(), reason)
            break
        except (FetchRefused, FileAbsent) as error:
            reason, findings = "artifact_digest_mismatch", (_finding(f"file_{ref.name}", "a regular file", error),)
            break
    if not findings:
        reason, findings = _judge(desk, node_id, files)
    if findings:
        for name, data in files.items():
            _quarantine(desk, node_id, name, data, reason)
            (folder / name).unlink(missing_ok=True)
    _note(desk, node_id, reason, findings, files, desk.clock.mono_ms() - started)


def upload_limit(desk: Desk, node_id: str) -> int:
    """No contributor can send more than the plan has room for."""
    shapes = read_plan(desk).assignment(node_id).expected_upload.tensors
    return sum(4 * shape.shape[0] * shape.shape[1] for shape in shapes) + SPARE_BYTES


def _expected_names(desk: Desk, node_id: str) -> tuple[str, tuple[rec.Finding, ...]]:
    """A name that the plan doesn't expect is never opened."""
    seen = desk.node(node_id).seen
    assert seen is not None
    expected = tuple(sorted(read_plan(desk).assignment(node_id).expected_upload.files))
    got = tuple(sorted(ref.name for ref in seen.files))
    if expected == got:
        return "as_planned", ()
    return "manifest_digest_mismatch", (_finding("journaled_files", expected, got),)


async def _fetch_one(desk: Desk, node_id: str, ref: FileRef, folder: Path, limit: int) -> Path:
    host = await desk.host(node_id)
    revision = read_plan(desk).revision
    return await host.fetch(f"outbox/r{revision}/{ref.name}", ref, folder / ref.name, limit=limit)


def _judge(desk: Desk, node_id: str, files: dict[str, bytes]) -> tuple[str, tuple[rec.Finding, ...]]:
    node = desk.node(node_id)
    assert node.seen is not None and node.bringup is not None
    assignment = read_plan(desk).assignment(node_id)
    kept = lineage(desk, node_id)
    folder = desk.paths.checkpoints(node_id)
    losses = {ref.step: losses_in(folder / ref.file.name, assignment, ref.step) for ref in kept}
    submission = UnverifiedSubmission(
        node_id, files, node.seen, assignment, node.bringup, desk.contract.governance, kept, losses
    )
    reason, findings = judge(submission)
    if not findings:
        reason, findings = "false_journal", judge_story(_story(desk, node_id, assignment, files[RECEIPT_FILE]))
    return (reason, findings) if findings else ("as_planned", ())


def _story(desk: Desk, node_id: str, assignment: Assignment, receipt: bytes) -> Story:
    """What it told up to the contribution that is judged, as the mirror has it."""
    node = desk.node(node_id)
    assert node.seen is not None and node.launched is not None
    assert node.bringup is not None and node.admission is not None
    told = read_regular(desk.paths.mirror / node.seen.head.file, limit=MAX_MIRROR_BYTES)[: node.seen.head.offset]
    return Story(
        records=tuple(parse_line(raw) for raw in told.split(b"\n")[:-1]),
        assignment=assignment,
        receipt=ContributorReceipt.read(receipt),
        launched=node.launched,
        bringup=node.bringup,
        admission=node.admission,
        lengths=sample_lengths(desk.paths.artifacts / f"slice_{node_id}.safetensors"),
        silence_ms=desk.contract.policies.stale_ms + desk.state.late_ms,
    )


def _quarantine(desk: Desk, node_id: str, name: str, data: bytes, reason: str) -> None:
    folder = desk.paths.quarantine / node_id
    folder.mkdir(exist_ok=True)
    write_durable(folder / name, data)
    desk.note(rec.Quarantined(node_id=node_id, name=name, reason=reason, sha256=sha256_hex(data), size_bytes=len(data)))


def _note(
    desk: Desk, node_id: str, reason: str, findings: tuple[rec.Finding, ...], files: dict[str, bytes], took_ms: int
) -> None:
    seen = desk.node(node_id).seen
    assert seen is not None
    adapter = files.get(ADAPTER_FILE)
    desk.note(
        rec.SubmissionJudged(
            node_id=node_id,
            outcome="rejected" if findings else "received",
            reason=reason,
            findings=findings,
            manifest_digest=seen.manifest_digest,
            adapter_sha256=sha256_hex(adapter) if adapter is not None else None,
            size_bytes=sum(len(data) for data in files.values()),
            fetch_ms=took_ms,
        )
    )


def _finding(rule: str, expected: object, got: object) -> rec.Finding:
    return rec.Finding(rule=rule, expected=str(expected)[:1000], got=str(got)[:1000])
