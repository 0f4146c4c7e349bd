"""What is kept after a run: one folder, relative paths only, sealed by the operator's signature."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from console.coordination.paths import RunPaths
from console.coordination.spec import RunSpec
from console.coordination.state import RunState
from console.evidence.account import Account, account_of
from console.evidence.audit import write_audit
from console.evidence.device_summary import SUMMARY_FILE, device_summary
from console.evidence.lane_documents.places import LanePlaces
from console.evidence.models import (
    BUNDLE_FILE,
    SIGNATURE_FILE,
    BundleFile,
    Endpoint,
    OperatorManifest,
    RealRunBundle,
)
from console.evidence.reports import contributor_report, coordinator_report
from console.evidence.sshsig import sign_bundle
from runners.contract.canonical import MAX_DOCUMENT_BYTES, parse_strict
from runners.contract.errors import ContractError
from runners.contract.plan import WindowPlan
from runners.contract.states import Disposition, ReplayOutcome
from runners.records.durable import read_regular, sync_folder, write_durable
from runners.records.errors import RecordsError
from runners.records.keys import SigningKey

BUNDLE_BOUNDARY = (
    "This bundle holds what one run recorded and produced. Its checker recomputes every digest, chain, signature, the "
    "comparison with the replayed adapters and the merge from these files alone. It proves nothing about hosts beyond "
    "what their own keys signed; without an outside witness the coordinator's owner could have made all of it. "
)
DOCUMENTS = {
    "run_contract.json": "contract",
    "window_plan.json": "contract",
    "membership_receipt.json": "contract",
    "begin.json": "contract",
    "train_manifest.json": "contract",
    "held_out_manifest.json": "contract",
}


@dataclass(frozen=True)
class ClosedRun:
    """Everything that a bundle is written from."""

    spec: RunSpec
    paths: RunPaths
    state: RunState


def write_bundle(run: ClosedRun, operator: SigningKey, operator_key_file: Path) -> Path:
    """The bundle's folder: whole, signed, and put in place by one rename. A bundle that exists is left alone."""
    target = run.paths.bundle
    if target.exists():
        return target
    draft = target.with_name(f".bundle.{os.getpid()}.tmp")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    _copy_records(run, draft)
    account = account_of(draft / "journals", run.spec.run_id)
    write_durable(draft / "operator_manifest.json", _manifest(run, operator).to_bytes())
    write_durable(
        draft / "coordinator_runtime_report.json", coordinator_report(run.spec, run.state, account).to_bytes()
    )
    write_durable(
        draft / "contributor_runtime_report.json", contributor_report(run.spec, run.state, account).to_bytes()
    )
    if "per_device_summary" in run.spec.contract.extra_documents:
        write_durable(draft / SUMMARY_FILE, device_summary(run.spec, run.state, draft).to_bytes())
    write_durable(draft / "audit.md", write_audit(run.spec, run.state, account).encode())
    bundle = _bundle(run, operator, draft, account)
    write_durable(draft / BUNDLE_FILE, bundle.to_bytes())
    write_durable(draft / SIGNATURE_FILE, sign_bundle((draft / BUNDLE_FILE).read_bytes(), operator_key_file))
    draft.rename(target)
    sync_folder(target.parent)
    return target


def _copy_records(run: ClosedRun, draft: Path) -> None:
    paths = run.paths
    if not (paths.documents / "run_contract.json").exists():
        write_durable(paths.documents / "run_contract.json", run.spec.contract.to_bytes())
    for name, folder in DOCUMENTS.items():
        _copy(paths.documents / name, draft / folder / name)
    uncited = frozenset(_uncited_states(run))
    places = LanePlaces(run.spec.contract.lane_id)
    for name in (places.launch_manifest, places.launch_receipt):
        _copy(paths.operator_bundle / name, draft / "launch" / name)
    for source, folder in (
        (paths.previous, "previous"),
        (paths.journals, "journals"),
        (paths.mirror, "journals"),
        (paths.artifacts, "retained_artifacts"),
        (paths.quarantine, "quarantine"),
    ):
        for file in sorted(source.rglob("*")):
            if file.is_file() and not file.name.startswith(".") and file not in uncited:
                _copy(file, draft / folder / file.relative_to(source))
    cited = _cited(draft / "journals", run.spec.run_id)
    for source, folder in (
        (paths.reports, "reports"),
        (paths.receipts, "receipts"),
        (paths.inbox, "operator_commands"),
    ):
        for file in sorted(source.glob("*.json")):
            if _digest_of(file) in cited:
                _copy(file, draft / folder / file.name)
                _copy(file.with_name(f"{file.name}.sig"), draft / folder / f"{file.name}.sig")
    report = draft / "retained_artifacts" / "merged_artifact_report.json"
    if report.exists() and _digest_of(report) not in cited:
        report.unlink()
        shutil.rmtree(report.with_name("merged"), ignore_errors=True)


def _uncited_states(run: ClosedRun) -> Iterator[Path]:
    """Training states on disk that no record speaks of: fetched or replayed just before a coordinator died."""
    plan_file = run.paths.documents / "window_plan.json"
    plan = WindowPlan.read(plan_file.read_bytes()) if plan_file.exists() else None
    for node_id, node in run.state.nodes.items():
        kept = {item.checkpoint.file.name for item in node.kept}
        kept |= {ref.file.name for ref in plan.assignment(node_id).continues_from} if plan else set()
        yield from (path for path in run.paths.checkpoints(node_id).glob("*") if path.name not in kept)
        if node.replay is None or node.replay.receipt_digest is None:
            yield from (run.paths.artifacts / f"replayed_{node_id}").glob("*")


def _cited(journals: Path, run_id: str) -> frozenset[str]:
    """Digests that the coordinator's records name. A document that was written but not yet journaled when its
    coordinator died is no part of the run: nothing rests on it."""
    bodies = [entry.record.body for entry in account_of(journals, run_id).coordinator.entries]
    return frozenset(value for body in bodies for value in body.values() if isinstance(value, str))


def _digest_of(file: Path) -> str:
    """As the document itself says; empty for a file that is none."""
    try:
        body = parse_strict(read_regular(file, limit=MAX_DOCUMENT_BYTES))
    except (ContractError, RecordsError):
        return ""
    return str(body.get("digest", "")) if isinstance(body, dict) else ""


def _copy(source: Path, target: Path) -> None:
    if source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        write_durable(target, source.read_bytes())


def _manifest(run: ClosedRun, operator: SigningKey) -> OperatorManifest:
    nodes = [run.state.nodes[node_id] for node_id in sorted(run.state.nodes)]
    return OperatorManifest.seal(
        run_id=run.spec.run_id,
        lane_id=run.spec.contract.lane_id,
        contract_digest=run.spec.contract.digest,
        created_wall_ms=run.spec.created_wall_ms,
        operator_public_key=operator.public_hex,
        endpoints=tuple(
            Endpoint(
                node_id=node.node_id,
                contract_endpoint=node.card.contract_endpoint,
                observed_endpoint=node.endpoint,
            )
            for node in nodes
        ),
        replay_backend=run.spec.contract.governance.replay_backend,
        claim_boundary="What the operator asked for and where the hosts were found; it claims no outcome.",
    )


def _bundle(run: ClosedRun, operator: SigningKey, draft: Path, account: Account) -> RealRunBundle:
    state, contract = run.state, run.spec.contract
    nodes = [state.nodes[node_id] for node_id in sorted(state.nodes)]
    confirmed = (ReplayOutcome.EXACT, ReplayOutcome.WITHIN_TOLERANCE)
    replayed = [node.replay for node in nodes if node.replay is not None and node.replay.outcome in confirmed]
    files = [_file(draft, path) for path in draft.rglob("*") if path.is_file()]
    assert state.classification is not None and state.opened is not None
    return RealRunBundle.seal(
        run_id=run.spec.run_id,
        run_family_id=contract.run_family_id,
        lane_id=contract.lane_id,
        result_classification=state.classification,
        reason=state.reason,
        contract_digest=contract.digest,
        plan_digest=state.plan.plan_digest if state.plan else None,
        membership_digest=state.plan.membership_digest if state.plan else None,
        coordinator_public_key=state.opened.coordinator_public_key,
        operator_public_key=operator.public_hex,
        total_contributions=sum(node.seen is not None for node in nodes),
        accepted_contributions=sum(node.disposition is Disposition.ACCEPTED for node in nodes),
        replay_checked_contributions=len(replayed),
        merge_disposition="merged" if state.merged else "no_merge",
        promotion_disposition=state.promotion.disposition if state.promotion else "not_reached",
        publish_disposition="refused",
        publish_reason=state.promotion.publish_reason if state.promotion else "nothing was promoted",
        held_out_scores=state.scored.scores if state.scored else (),
        findings=account.findings,
        claim_boundary=BUNDLE_BOUNDARY + contract.claim_boundary,
        files=tuple(sorted(files, key=lambda file: file.path)),
    )


def _file(draft: Path, path: Path) -> BundleFile:
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        return BundleFile(path=path.relative_to(draft).as_posix(), size_bytes=stream.tell(), sha256=sha256)
