"""The closed field set of a lane's documents."""

from console.evidence.checks.document_shapes import DOCUMENT_SHAPES
from console.evidence.checks.launch_shapes import STEP
from console.evidence.checks.shapes import (
    BOOLEAN,
    COUNT,
    FILE,
    LABEL,
    NODE,
    NUMBER,
    RUN,
    SHA256,
    TEXT,
    WHOLE,
    Leaf,
    Maybe,
    Shape,
    document,
    one_of,
)
from console.evidence.checks.word_shapes import (
    ADAPTER,
    CLASSIFICATIONS,
    DISPOSITIONS,
    MODEL_HEAD,
    POLICIES,
    RECIPE,
    TOLERANCE,
)

NOTHING = Leaf("null", lambda value: value is None)
DEPARTURE_WORDS = one_of("none", "crashed", "timed_out")
POSTURES = one_of("one_machine_only", "named_hosts_only.no_discovery")
TENSOR: Shape = {"name": LABEL, "dtype": one_of("F32"), "shape": [COUNT]}
PROMISE: Shape = {
    "result_classification": CLASSIFICATIONS,
    "validator_disposition": DISPOSITIONS,
    "departures": [DEPARTURE_WORDS],
    "aggregation_blocked": BOOLEAN,
    "replay_required": BOOLEAN,
}
OBSERVED: Shape = {
    "run_id": RUN,
    "bundle_digest": SHA256,
    "contract_digest": SHA256,
    "finished_wall_ms": COUNT,
    "node_id": NODE,
    "result_classification": CLASSIFICATIONS,
    "validator_disposition": DISPOSITIONS,
    "departure": DEPARTURE_WORDS,
    "merge_disposition": one_of("merged", "no_merge"),
    "as_frozen": BOOLEAN,
}
PLANNED_ASSIGNMENT: Shape = {
    "node_id": NODE,
    "backend_labels": [LABEL],
    "slice_rule": LABEL,
    "samples": COUNT,
    "sample_ids_sha256": SHA256,
    "batch_seed": WHOLE,
    "batches_sha256": SHA256,
    "expected_upload": {"files": [FILE], "tensors": [TENSOR], "head_sha256": SHA256, "rank": COUNT, "alpha": NUMBER},
    "replay": {
        "backend": one_of("mlx", "torch", "reference"),
        "comparison": one_of("exact_under_equal_settings_else_within_tolerance", "within_tolerance"),
        "segment_steps": COUNT,
        "tolerance": TOLERANCE,
    },
}
TOPOLOGY_NODE: Shape = {
    "node_id": NODE,
    "roles": [one_of("coordinator", "validator", "contributor")],
    "host_alias": LABEL,
    "cluster_endpoint": LABEL,
    "transport": one_of("local", "ssh"),
    "backend": one_of("mlx", "torch"),
    "backend_labels": [LABEL],
    "device_labels": [LABEL],
    "run_root": TEXT,
    "required_bringup_report": FILE,
    "validates": BOOLEAN,
    "aggregates": BOOLEAN,
}


_ALL: tuple[Shape, ...] = (
    document(
        "swarm.receipt_contract.v1",
        claim_boundary=TEXT,
        lane_id=LABEL,
        run_family_id=LABEL,
        contract_digest=SHA256,
        dataset_ref=TEXT,
        dataset_manifest_sha256=SHA256,
        adapter=ADAPTER,
        head=MODEL_HEAD,
        files=[FILE],
        tensors=[TENSOR],
        steps=COUNT,
        samples_presented=COUNT,
        refused_precision=one_of("bf16_mixed"),
        contributors=[{"node_id": NODE, "backend_labels": [LABEL], "distinct_samples": COUNT}],
    ),
    document(
        "swarm.workflow_plan.v1",
        claim_boundary=TEXT,
        lane_id=LABEL,
        run_family_id=LABEL,
        contract_digest=SHA256,
        receipt_contract_digest=SHA256,
        dataset_ref=TEXT,
        dataset_manifest_sha256=SHA256,
        splits=[
            {
                "name": LABEL,
                "file": FILE,
                "size_bytes": COUNT,
                "sha256": SHA256,
                "samples": COUNT,
                "sample_ids_sha256": SHA256,
            }
        ],
        head=MODEL_HEAD,
        adapter=ADAPTER,
        recipe=RECIPE,
        assignments=[PLANNED_ASSIGNMENT],
        validation={
            "validator_node_id": NODE,
            "every_role_required": BOOLEAN,
            "every_contribution_replayed": BOOLEAN,
            "delta_norm_bound": NUMBER,
            "merge_rule": one_of("weighted_mean_of_deltas.rank_stacking"),
            "weights": one_of("distinct_samples"),
            "minimum_improvement": NUMBER,
        },
        publish_expectation={
            "publisher_node_id": NODE,
            "publish_id": LABEL,
            "target": one_of("hugging_face_snapshot"),
            "repo_id": LABEL,
            "expected_directory": LABEL,
            "posture": one_of("never_automatic"),
        },
    ),
    document(
        "swarm.topology_contract.v1",
        claim_boundary=TEXT,
        lane_id=LABEL,
        run_family_id=LABEL,
        contract_digest=SHA256,
        receipt_contract_digest=SHA256,
        plan_digest=SHA256,
        namespace=LABEL,
        admission_posture=one_of("trusted_lan.shared_secret"),
        admission_token_env=one_of("PSIONIC_SWARM_ADMISSION_TOKEN"),
        network_posture=POSTURES,
        coordinator_node_id=NODE,
        contributor_node_ids=[NODE],
        nodes=[TOPOLOGY_NODE],
        policies=POLICIES,
        staging=dict.fromkeys(
            (
                "coordinator_artifacts",
                "coordinator_quarantine",
                "contributor_inputs",
                "contributor_outbox",
                "run_bundle",
            ),
            TEXT,
        ),
        launch_sequence=[STEP],
    ),
    document(
        "swarm.failure_drills.v1",
        claim_boundary=TEXT,
        lane_id=LABEL,
        contract_digest=SHA256,
        plan_digest=SHA256,
        topology_digest=SHA256,
        drills=[
            {
                "kind": one_of("stale_worker", "upload_disagreement", "contributor_loss", "uneven_worker_speed"),
                "affected_node_ids": [NODE],
                "fault": TEXT,
                "bounds_ms": [COUNT],
                "promise": PROMISE,
                "operator_action": TEXT,
                "observed": Maybe(OBSERVED),
            }
        ],
    ),
    document(
        "swarm.binder_projection.v1",
        claim_boundary=TEXT,
        lane_id=LABEL,
        lane_kind=one_of("two_or_more_named_hosts", "one_machine"),
        run_family_id=LABEL,
        authorities=[{"path": LABEL, "schema_version": LABEL, "digest": SHA256}],
        runbook=LABEL,
        reference_page=LABEL,
        launcher=TEXT,
        live_command=TEXT,
        startup=NOTHING,
        finalizer=TEXT,
        checkers=[{"command": TEXT, "path": LABEL}],
        evidence=[LABEL],
    ),
    document(
        "swarm.bringup_not_observed.v1",
        claim_boundary=TEXT,
        lane_id=LABEL,
        contract_digest=SHA256,
        node_id=NODE,
        disposition=one_of("not_observed"),
        command=TEXT,
    ),
)
LANE_SHAPES: dict[str, Shape] = {next(iter(shape["schema_version"])): shape for shape in _ALL}
LANE_SHAPES["swarm.run_contract.v1"] = DOCUMENT_SHAPES["swarm.run_contract.v1"]
for _shared in ("swarm.bringup_report.v1", "swarm.launch_manifest.v1", "swarm.launch_receipt.v1"):
    LANE_SHAPES[_shared] = DOCUMENT_SHAPES[_shared]
