"""The launch that a forged run started from, as `swarm launch` leaves it: nobody contacted, no report observed."""

from typing import TYPE_CHECKING

from console.evidence.lane_documents.launch_manifest import (
    BoundReport,
    BundledFile,
    LaunchHost,
    LaunchManifest,
    LaunchPhase,
    LaunchReceipt,
)
from console.evidence.lane_documents.places import LanePlaces, bringup_report, endpoint
from runners.contract.canonical import sha256_hex
from runners.contract.lane import NodeContract
from tests.checks.forged_hosts import RUN_ID, hash_of

if TYPE_CHECKING:
    from tests.checks.forge import Forge

FILES = ("plan.json", "topology.json")
BOUNDARY = "Files were written on the operator's own machine."


def leave_launch(run: "Forge") -> None:
    contract, places, folder = run.contract, LanePlaces(run.contract.lane_id), run.paths.operator_bundle
    manifest = run.seal(
        f"launch/{places.launch_manifest}", folder / places.launch_manifest, LaunchManifest,
        run_id=RUN_ID, lane_id=contract.lane_id, run_family_id=contract.run_family_id,
        created_wall_ms=1_789_999_999_000, execution_posture="local_bundle_materialization_only", hosts_contacted=0,
        contract_digest=contract.digest, receipt_contract_digest=hash_of("receipts"), plan_digest=hash_of("plan"),
        topology_digest=hash_of("topology"), drills_digest=hash_of("drills"),
        hosts=tuple(_host(node) for node in contract.contributors), launch_sequence=(),
        files=tuple(BundledFile(path=path, size_bytes=1, sha256=hash_of(path)) for path in FILES),
        claim_boundary=BOUNDARY,
    )  # fmt: skip
    raw = (folder / places.launch_manifest).read_bytes()
    run.seal(
        f"launch/{places.launch_receipt}", folder / places.launch_receipt, LaunchReceipt,
        run_id=RUN_ID, lane_id=contract.lane_id, launch_status="bundle_materialized",
        manifest_path=places.launch_manifest, manifest_digest=manifest.digest, manifest_sha256=sha256_hex(raw),
        phases=tuple(LaunchPhase(phase=path, status="completed", path=path, elapsed_us=1) for path in FILES),
        claim_boundary=BOUNDARY,
    )  # fmt: skip


def _host(node: NodeContract) -> LaunchHost:
    path = f"reports/{bringup_report(node)}"
    bound = BoundReport(
        path=path, disposition="not_observed", digest=hash_of(path), origin="not_observed", run_id=None,
        taken_wall_ms=None, age_ms=None, node_public_key=None, signature=None,
    )  # fmt: skip
    return LaunchHost(
        node_id=node.node_id, host_alias=node.host_alias, contract_endpoint=endpoint(node),
        run_root=f"~/swarm-runs/{RUN_ID}/{node.run_root}", bringup=bound,
    )  # fmt: skip
