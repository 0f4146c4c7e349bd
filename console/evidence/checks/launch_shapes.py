"""The closed field set of a launch manifest and a launch receipt: they lie in operator bundles and in run bundles."""

from console.evidence.checks.shapes import (
    COUNT,
    LABEL,
    NODE,
    RUN,
    SHA256,
    SIGNATURE,
    TEXT,
    WHOLE,
    Maybe,
    Shape,
    document,
    one_of,
)

STEP: Shape = {"phase": LABEL, "actor": NODE, "command": TEXT, "artifact": TEXT}
FILE_AT: Shape = {"path": LABEL, "size_bytes": COUNT, "sha256": SHA256}
BOUND_REPORT: Shape = {
    "path": LABEL,
    "disposition": one_of(
        "not_observed", "ready_to_attempt", "refused_machine_contract", "refused_training_backend_blocker"
    ),
    "digest": SHA256,
    "origin": one_of("given", "newest_retained", "not_observed"),
    "run_id": Maybe(RUN),
    "taken_wall_ms": Maybe(COUNT),
    "age_ms": Maybe(WHOLE),
    "node_public_key": Maybe(SHA256),
    "signature": Maybe(SIGNATURE),
}


LAUNCH_SHAPES: tuple[Shape, ...] = (
    document(
        "swarm.launch_manifest.v1",
        claim_boundary=TEXT,
        run_id=RUN,
        lane_id=LABEL,
        run_family_id=LABEL,
        created_wall_ms=COUNT,
        execution_posture=LABEL,
        hosts_contacted=COUNT,
        contract_digest=SHA256,
        receipt_contract_digest=SHA256,
        plan_digest=SHA256,
        topology_digest=SHA256,
        drills_digest=SHA256,
        hosts=[
            {
                "node_id": NODE,
                "host_alias": LABEL,
                "contract_endpoint": LABEL,
                "run_root": TEXT,
                "bringup": BOUND_REPORT,
            }
        ],
        launch_sequence=[STEP],
        files=[FILE_AT],
    ),
    document(
        "swarm.launch_receipt.v1",
        claim_boundary=TEXT,
        run_id=RUN,
        lane_id=LABEL,
        launch_status=LABEL,
        manifest_path=LABEL,
        manifest_digest=SHA256,
        manifest_sha256=SHA256,
        phases=[{"phase": LABEL, "status": LABEL, "path": LABEL, "elapsed_us": COUNT}],
    ),
)
