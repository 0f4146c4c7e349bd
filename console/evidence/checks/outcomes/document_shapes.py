"""The closed field set of every outcome document, by its schema_version. Not written from the producer's models."""

from console.evidence.checks.shapes import (
    BOOLEAN,
    COUNT,
    FILE,
    LABEL,
    NODE,
    NUMBER,
    PATH,
    RUN,
    SHA256,
    TEXT,
    Maybe,
    Shape,
    document,
    one_of,
)
from console.evidence.checks.word_shapes import DISPOSITIONS, GATE

CITATION: Shape = {"run_id": RUN, "bundle_digest": SHA256, "bundle_sha256": SHA256}
PHASES = one_of("bring_up", "inputs", "ship", "prepare", "train", "fetch", "replay", "merge", "score", "bundle")
POSTURES = one_of("measured", "simulated", "not_measured")
PARALLEL = one_of("serial", "parallelizable")
PHASE: Shape = {
    "phase_id": PHASES,
    "evidence_posture": POSTURES,
    "basis": one_of("coordinator_journal", "operator_clock", "stand_in", "none"),
    "parallelization_posture": PARALLEL,
    "wallclock_ms": Maybe(COUNT),
    "workers": [{"node_id": NODE, "backend_label": LABEL, "active_ms": COUNT, "idle_ms": COUNT}],
}
BOTTLENECK: Shape = {
    "phase_id": PHASES,
    "severity": one_of("high", "medium"),
    "share_percent": COUNT,
    "evidence_posture": POSTURES,
    "parallelization_posture": PARALLEL,
    "remediation": TEXT,
}
STAGE: Shape = {
    "stage_id": one_of(
        "bringup_gate",
        "admission_gate",
        "preparation",
        "contributor_execution",
        "upload",
        "validation",
        "aggregation",
        "promotion_closeout",
    ),
    "disposition": one_of("completed", "refused", "failed", "skipped"),
    "reached": COUNT,
    "required": COUNT,
    "wallclock_ms": Maybe(COUNT),
}
POSTURE: Shape = {
    "node_id": NODE,
    "roles": [LABEL],
    "backend_label": LABEL,
    "bringup_posture": LABEL,
    "admission_posture": one_of("not_reached", "admitted", "refused"),
    "expected_upload_manifest_digest": Maybe(SHA256),
    "upload_posture": one_of("not_planned", "planned_only", "uploaded", "rejected"),
    "adapter_sha256": Maybe(SHA256),
    "replay_posture": one_of("not_executed", "exact", "within_tolerance", "mismatch", "failed"),
    "validator_posture": one_of("not_executed", *DISPOSITIONS),
    "aggregation_posture": one_of("not_executed", "ineligible", "eligible", "merged"),
    "detail": TEXT,
}
PROMOTION: Shape = {"disposition": one_of("promoted", "held", "no_promotion"), "missing_gates": [LABEL]}
EXPECTATION: Shape = {
    "publish_id": LABEL,
    "target": LABEL,
    "repo_id": LABEL,
    "expected_local_snapshot_directory": TEXT,
}
SMOKE: Shape = {
    "max_logit_difference": NUMBER,
    "logit_bound": NUMBER,
    "largest_delta": NUMBER,
    "positions": COUNT,
    "asked_tokens": COUNT,
    "generated_tokens": [COUNT],
    "peft": LABEL,
    "transformers": LABEL,
    "torch": LABEL,
}


def _of_run(schema_version: str, **fields: Shape) -> Shape:
    """A document about one run of one lane."""
    about = {"lane_id": LABEL, "run_family_id": LABEL, "contract_digest": SHA256, "run": CITATION}
    return document(schema_version, **about, claim_boundary=TEXT, **fields)


REHEARSAL = _of_run(
    "swarm.rehearsal_report.v1",
    stand_in=Maybe(CITATION),
    coordinator_node_id=NODE,
    contributor_node_ids=[NODE],
    phases=[PHASE],
    bottlenecks=[BOTTLENECK],
    remaining_serial_phase_ids=[PHASES],
    remaining_blockers=[{"blocker": LABEL, "node_id": Maybe(NODE), "detail": TEXT}],
    recommendation=one_of("go", "no_go"),
)
ATTEMPT = _of_run(
    "swarm.attempt_evidence.v1",
    plan_digest=Maybe(SHA256),
    membership_digest=Maybe(SHA256),
    live_attempt_disposition=one_of("completed", "refused", "failed"),
    live_attempt_reason=TEXT,
    contributors=[POSTURE],
    stages=[STAGE],
    promotion_outcome=PROMOTION,
)
CLOSEOUT = _of_run(
    "swarm.closeout_report.v1",
    attempt_evidence_digest=SHA256,
    closeout_gates=[GATE],
    merge_disposition=one_of("merged", "no_merge"),
    promotion_outcome=PROMOTION,
    publish_disposition=one_of("published", "not_requested", "refused"),
    publication_digest=Maybe(SHA256),
    publish_expectation=EXPECTATION,
    remaining_blockers=[LABEL],
)
PUBLICATION = _of_run(
    "swarm.publication_report.v1",
    plan_digest=SHA256,
    publish_id=LABEL,
    target=LABEL,
    repo_id=LABEL,
    published_snapshot_root=TEXT,
    publish_manifest_digest=SHA256,
    gates=[GATE],
    peft_smoke=SMOKE,
)
MANIFEST = document(
    "swarm.publish_manifest.v1",
    publish_id=LABEL,
    target=LABEL,
    repo_id=LABEL,
    run=CITATION,
    merge_report_digest=SHA256,
    merged_adapter_sha256=SHA256,
    files=[{"path": PATH, "size_bytes": COUNT, "sha256": SHA256}],
)
COMPATIBILITY = document(
    "swarm.compatibility_contract.v1",
    adapter_family=LABEL,
    model_digest=SHA256,
    head_sha256=SHA256,
    vocab_size=COUNT,
    hidden_size=COUNT,
    rank=COUNT,
    alpha=NUMBER,
    surfaces=[{"surface": LABEL, "supported": BOOLEAN, "detail": TEXT}],
)
TOKENIZER = document(
    "swarm.tokenizer_contract.v1",
    tokenizer_digest=SHA256,
    files=[{"name": FILE, "sha256": SHA256}],
    vocab_size=COUNT,
    bos_token_id=Maybe(COUNT),
    eos_token_ids=[COUNT],
    pad_token_id=Maybe(COUNT),
)
OUTCOME_SHAPES: dict[str, Shape] = {
    next(iter(shape["schema_version"])): shape
    for shape in (REHEARSAL, ATTEMPT, CLOSEOUT, PUBLICATION, MANIFEST, COMPATIBILITY, TOKENIZER)
}
