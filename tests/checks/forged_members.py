"""Who took part in a forged run: gates, admissions, membership and the permission to begin."""

from pathlib import Path
from typing import TYPE_CHECKING

from runners.contract import receipts
from runners.contract.bringup import BringupReport
from runners.contract.canonical import canonical_bytes, readable_bytes, sha256_hex
from runners.contract.document import Document
from tests.checks.forged_bringup import report_fields
from tests.checks.forged_hosts import MAC, RUN_ID, endpoint_of, hash_of
from tests.checks.resealing import Body

if TYPE_CHECKING:
    from tests.checks.forge import Forge


def bring_up(run: "Forge", node: str) -> None:
    path = f"reports/{node}_bringup.json"
    fields = report_fields(
        run.contract, run.contract.node(node), run.key(node), run.device(node), run.software(node),
        run_id=RUN_ID, head_sha256=run.plan.head.sha256, execution=run.execution(node),
    )  # fmt: skip
    report = run.seal(path, run.paths.reports / f"{node}_bringup.json", BringupReport, **fields)
    _sign(run, path, node, b"swarm.bringup_report.v1\0", report, run.paths.reports)


def admit(run: "Forge", node: str) -> None:
    path = f"receipts/admission_{node}.json"
    receipt = run.seal(
        path, run.paths.receipts / f"admission_{node}.json", receipts.AdmissionReceipt,
        run_id=RUN_ID, node_id=node, role="contributor", contract_digest=run.contract.digest,
        coordinator_public_key=run.public["coordinator"], node_public_key=run.public[node],
        host_key_fingerprint="local" if node == MAC else "SHA256:forged", coordinator_nonce=hash_of("n1" + node),
        node_nonce=hash_of("n2" + node), token_custody="handed_over", admitted_wall_ms=1_790_000_000_400,
    )  # fmt: skip
    _sign(run, path, node, b"swarm.admission_receipt.v1\0", receipt, run.paths.receipts)


def _sign(run: "Forge", path: str, node: str, prefix: bytes, document: Document, folder: Path) -> None:
    signature = run.key(f"{node}:{path}" if f"{node}:{path}" in run.lies.keys else node)
    data = signature.sign(prefix + bytes.fromhex(document.digest)).encode() + b"\n"
    (folder / f"{Path(path).name}.sig").write_bytes(data)


def list_members(run: "Forge") -> None:
    members = []
    for contract in run.contract.contributors:
        node = contract.node_id
        report, admission = (
            run.documents[f"reports/{node}_bringup.json"],
            run.documents[f"receipts/admission_{node}.json"],
        )
        members.append(
            receipts.Member(
                node_id=node,
                roles=contract.roles,
                node_public_key=report.node_public_key,
                backend_label=report.device.backend_label,
                device_label=report.device.device_label,
                contract_endpoint=f"{contract.host_alias}:{contract.cluster_port}",
                observed_endpoint=endpoint_of(node),
                bringup_digest=report.digest,
                admission_digest=admission.digest,
            )
        )
    run.membership = run.seal(
        "contract/membership_receipt.json", run.paths.documents / "membership_receipt.json",
        receipts.MembershipReceipt, run_id=RUN_ID, contract_digest=run.contract.digest,
        coordinator_public_key=run.public["coordinator"], members=tuple(members),
        observed_wall_ms=1_790_000_000_500,
    )  # fmt: skip


def begin(run: "Forge") -> None:
    begin: Body = {
        "run_id": RUN_ID,
        "window_id": run.plan.window_id,
        "revision": run.lies.revision,
        "contract_digest": run.contract.digest,
        "assignment_digests": [item.digest for item in run.plan.assignments],
    }
    if "contract/begin.json" in run.lies.documents:
        run.lies.documents["contract/begin.json"](begin)
    said = canonical_bytes(begin)
    run.begin_digest = sha256_hex(said)
    signature = run.key("begin" if "begin" in run.lies.keys else "coordinator").sign(b"swarm.begin.v1\0" + said)
    kept = readable_bytes({"begin": begin, "signature": signature})
    (run.paths.documents / "begin.json").write_bytes(kept)
