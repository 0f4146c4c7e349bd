"""Publishing: every gate from evidence, then the snapshot and its report in place. Never automatic."""

import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from console.evidence.checkpoint_head import head_sha256
from console.evidence.errors import PublicationRefused
from console.evidence.lane_documents.places import PUBLISH_REPO, LanePlaces
from console.evidence.outcomes.closed_bundle import ClosedBundle
from console.evidence.outcomes.publication import (
    MANIFEST_FILE,
    TARGET,
    PeftSmoke,
    PublicationReport,
    PublishManifest,
)
from console.evidence.outcomes.snapshot import snapshot_files
from console.evidence.outcomes.tokenizer import tokenizer_contract
from runners.contract.receipts import GateValue
from runners.records.durable import sync_folder, write_durable

BOUNDARY = (
    "A local folder was written from the merge that the cited run promoted. Nothing was uploaded or served, and the "
    "run's own bundle is unchanged: it still says that it published nothing. "
)
PEFT_GATE = "adapter_loads_and_generates_through_peft"
Smoke = Callable[[Path], Awaitable[PeftSmoke]]  # from a folder with PEFT's two files


async def publish(run: ClosedBundle, model_dir: Path, out_dir: Path, smoke: Smoke) -> tuple[Path, PublicationReport]:
    """The snapshot's folder and its report. Raises PublicationRefused, naming the gate that is not met."""
    gates = promotion_gates(run)
    plan = run.plan
    assert plan is not None
    got = head_sha256(model_dir, plan.head.tensor)
    gates.append(_met("base_is_the_planned_one", got == plan.head.sha256, got, plan.head.sha256))
    tokenizer = tokenizer_contract(model_dir, plan.head.vocab_size)
    got = tokenizer.tokenizer_digest
    gates.append(
        _met("tokenizer_is_the_planned_one", got == plan.head.tokenizer_digest, got, plan.head.tokenizer_digest)
    )
    files = snapshot_files(run, tokenizer)
    draft = _write(out_dir / f".{run.places.publish_id}.{os.getpid()}.tmp", files)
    try:
        measured = await smoke(draft)
        gates.append(peft_gate(measured))
        report = _report(run, gates, measured, PublishManifest.read(files[MANIFEST_FILE]))
        return _put(out_dir, draft, files, report), report
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def promotion_gates(run: ClosedBundle) -> list[GateValue]:
    """The run's own gates, all met. Raises PublicationRefused."""
    receipt = run.promotion
    if receipt is None:
        _met("promotion_reached", passed=False, value=run.bundle.result_classification.value, threshold="promoted")
    assert receipt is not None
    gates = [_met(gate.gate, gate.passed, gate.value, gate.threshold) for gate in receipt.gates]
    gates.append(_met("promoted", receipt.disposition == "promoted", receipt.disposition, "promoted"))
    return gates


def peft_gate(measured: PeftSmoke) -> GateValue:
    good = (
        measured.max_logit_difference <= measured.logit_bound
        and measured.largest_delta > 0
        and len(measured.generated_tokens) == measured.asked_tokens
    )
    value = f"{measured.max_logit_difference:.3g} off base plus delta, {len(measured.generated_tokens)} tokens"
    threshold = f"at most {measured.logit_bound:g}, {measured.asked_tokens} tokens, a delta above 0"
    return _met(PEFT_GATE, good, value, threshold)


def _met(gate: str, passed: bool, value: str, threshold: str) -> GateValue:
    if not passed:
        raise PublicationRefused(f"publication refused: gate {gate}: expected {threshold}, got {value}")
    return GateValue(gate=gate, passed=passed, value=value, threshold=threshold)


def _report(
    run: ClosedBundle, gates: list[GateValue], measured: PeftSmoke, manifest: PublishManifest
) -> PublicationReport:
    assert run.plan is not None
    return PublicationReport.seal(
        lane_id=run.contract.lane_id,
        run_family_id=run.contract.run_family_id,
        contract_digest=run.contract.digest,
        run=run.citation,
        plan_digest=run.plan.digest,
        publish_id=run.places.publish_id,
        target=TARGET,
        repo_id=PUBLISH_REPO,
        published_snapshot_root=run.places.snapshot_dir,
        publish_manifest_digest=manifest.digest,
        gates=tuple(gates),
        peft_smoke=measured,
        claim_boundary=BOUNDARY + run.contract.claim_boundary,
    )


def _write(draft: Path, files: dict[str, bytes]) -> Path:
    shutil.rmtree(draft, ignore_errors=True)
    for path, data in files.items():
        (draft / path).parent.mkdir(parents=True, exist_ok=True)
        write_durable(draft / path, data)
    return draft


def _put(out_dir: Path, draft: Path, files: dict[str, bytes], report: PublicationReport) -> Path:
    """In place by one rename. What was published before is left alone, and must be the same."""
    target = out_dir / report.published_snapshot_root
    if target.exists():
        there = {p.relative_to(target).as_posix(): p.read_bytes() for p in target.rglob("*") if p.is_file()}
        if there != files:
            raise PublicationRefused(
                f"{target}: expected nothing or this very snapshot, got another one; publish it elsewhere with --out"
            )
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.rename(target)
        sync_folder(target.parent)
    write_durable(out_dir / LanePlaces(report.lane_id).publication_report, report.to_bytes())
    return target
