"""Bring-up reports of this lane's nodes, signed as a host would, and kept where a launch is given them."""

from pathlib import Path

from console.evidence.lane_documents.known_reports import REPORT_PREFIX
from runners.contract.bringup import BringupReport
from runners.process import judging
from runners.records.keys import SigningKey
from tests.checks.forged_bringup import MACHINE
from tests.lanes.false_operator_bundles import CONTRACT

KEY = SigningKey.generate()


def report(node: int, *, wall_ms: int = 1_000, contract_digest: str = CONTRACT.digest) -> BringupReport:
    """Refused for its backend: nothing but the machine was measured."""
    required = CONTRACT.contributors[node]
    findings = (judging.judge_loading("authored for a test"),)
    return BringupReport.seal(
        run_id="an-earlier-run",
        node_id=required.node_id,
        lane_id=CONTRACT.lane_id,
        contract_digest=contract_digest,
        requirements=required,
        disposition="refused_training_backend_blocker",
        findings=findings,
        reasons=judging.reasons_of(findings),
        host_name="host",
        node_public_key=KEY.public_hex,
        node_key_fingerprint=KEY.fingerprint,
        machine=MACHINE,
        accelerator=None,
        device=None,
        software=None,
        memory=None,
        execution=None,
        probe=None,
        gate=None,
        throughput=None,
        head_sha256=None,
        started_wall_ms=0,
        finished_wall_ms=wall_ms,
        claim_boundary="Authored for a test, so nothing was measured on any host at all.",
    )


def keep(folder: Path, name: str, kept: BringupReport, *, signed: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(kept.to_bytes())
    if signed:
        signature = KEY.sign(REPORT_PREFIX + bytes.fromhex(kept.digest))
        (folder / f"{name}.sig").write_text(signature + "\n")
    return folder / name
