"""Closed field sets of the parts that documents and records are made of."""

from console.evidence.checks.shapes import (
    BOOLEAN,
    BYTES,
    COUNT,
    FILE,
    LABEL,
    MEASURE,
    NODE,
    NUMBER,
    RUN,
    SHA256,
    SIGNATURE,
    STRING,
    TEXT,
    WHOLE,
    MapOf,
    Maybe,
    Shape,
    one_of,
)

CLASSIFICATIONS = one_of(
    "bounded_success",
    "refused_bringup",
    "refused_admission",
    "failed_preparation",
    "failed_contribution",
    "replay_required",
    "wait_then_replay",
    "rejected",
    "failed_validation",
    "contract_drift",
    "stopped_by_operator",
)
STATES = one_of(
    "planned",
    "admitting",
    "preparing",
    "active",
    "collecting",
    "sealed",
    "validating",
    "validated",
    "aggregated",
    "held",
    "promoted",
    "refused",
    "replay_required",
    "rejected",
    "wait_then_replay",
    "aborted",
    "closed",
)
DEPARTURES = one_of("crashed", "timed_out")
DISPOSITIONS = one_of("pending", "accepted", "rejected", "quarantined", "replay_required")

FILE_REF: Shape = {"name": FILE, "size_bytes": BYTES, "sha256": SHA256}
HEAD: Shape = {"file": LABEL, "offset": COUNT, "sha256": SHA256, "next_seq": COUNT}
FINDING: Shape = {"rule": LABEL, "expected": TEXT, "got": TEXT}
SCORE: Shape = {"subject": LABEL, "mean_loss": MEASURE, "tokens": COUNT}
GATE: Shape = {"gate": LABEL, "passed": BOOLEAN, "value": TEXT, "threshold": TEXT}
SHARE: Shape = {
    "node_id": NODE,
    "adapter_sha256": SHA256,
    "samples": COUNT,
    "weight_numerator": COUNT,
    "weight_denominator": COUNT,
}
POLICIES: Shape = dict.fromkeys(
    (
        "heartbeat_ms",
        "stale_ms",
        "loss_ms",
        "skew_ms",
        "skew_wait_ms",
        "contact_ms",
        "prepare_ms",
        "fetch_ms",
        "replay_ms",
        "max_revisions",
    ),
    COUNT,
)
ADAPTER: Shape = {
    "family": LABEL,
    "format": one_of("safetensors"),
    "precision": one_of("f32_reference"),
    "rank": COUNT,
    "alpha": NUMBER,
}
RECIPE: Shape = {
    "steps": COUNT,
    "batch_samples": COUNT,
    "learning_rate": NUMBER,
    "beta1": NUMBER,
    "beta2": NUMBER,
    "epsilon": NUMBER,
    "weight_decay": NUMBER,
    "seed": WHOLE,
    "threads": COUNT,
    "chunk_tokens": COUNT,
    "checkpoint_steps": COUNT,
}
TOLERANCE: Shape = {
    "contributor": one_of("mlx", "torch"),
    "replay": one_of("mlx", "torch", "reference"),
    "relative_bound": NUMBER,
    "delta_floor": NUMBER,
    "moment_floor": NUMBER,
    "loss_bound": NUMBER,
}
GOVERNANCE: Shape = {
    "replay_backend": one_of("mlx", "torch", "reference"),
    "same_backend_exact": BOOLEAN,
    "tolerances": [TOLERANCE],
    "delta_norm_bound": NUMBER,
    "minimum_improvement": NUMBER,
    "publication": one_of("never_automatic"),
}
THRESHOLDS: Shape = {
    "os": [one_of("linux", "macos")],
    "arch": [LABEL],
    "minimum_memory_bytes": COUNT,
    "minimum_disk_free_bytes": COUNT,
    "device_name_contains": Maybe(TEXT),
    "minimum_device_memory_bytes": COUNT,
    "minimum_free_device_memory_bytes": COUNT,
    "minimum_tokens_per_second": NUMBER,
    "maximum_product_error": NUMBER,
}
NODE_CONTRACT: Shape = {
    "node_id": NODE,
    "host_alias": LABEL,
    "roles": [one_of("coordinator", "validator", "contributor")],
    "backend": one_of("mlx", "torch"),
    "required_devices": [STRING],
    "transport": one_of("local", "ssh"),
    "cluster_port": COUNT,
    "run_root": FILE,
    "thresholds": THRESHOLDS,
}
MODEL_HEAD: Shape = {
    "model_digest": SHA256,
    "tokenizer_digest": SHA256,
    "tensor": LABEL,
    "dtype": one_of("F32", "BF16"),
    "vocab_size": COUNT,
    "hidden_size": COUNT,
    "sha256": SHA256,
    "tied": BOOLEAN,
}
CHECKPOINT: Shape = {"revision": COUNT, "step": COUNT, "file": FILE_REF}
EXECUTION: Shape = {
    "backend": LABEL,
    "backend_label": LABEL,
    "device_name": TEXT,
    "threads": COUNT,
    "blas": LABEL,
    "tf32": BOOLEAN,
    "chunk_tokens": COUNT,
    "tiles": [{"name": LABEL, "size": COUNT}],
    "runners_sha256": SHA256,
}
OUTCOMES = one_of("exact", "within_tolerance", "mismatch")
DISTANCE: Shape = {
    "what": one_of("delta", "mean_a", "square_a", "mean_b", "square_b"),
    "difference": NUMBER,
    "change": NUMBER,
    "norm": NUMBER,
}
SEGMENT: Shape = {
    "first_step": COUNT,
    "last_step": COUNT,
    "start_sha256": SHA256,
    "end_sha256": SHA256,
    "replayed": FILE_REF,
    "outcome": OUTCOMES,
    "distances": [DISTANCE],
    "max_loss_difference": NUMBER,
}
SLICE: Shape = {"slice_id": LABEL, "split": LABEL, "sample_ids": [LABEL], "tokens": COUNT, "shard": FILE_REF}
IDENTITY: Shape = {
    "run_id": RUN,
    "window_id": LABEL,
    "node_id": NODE,
    "revision": COUNT,
    "head_sha256": SHA256,
    "slice_sha256": SHA256,
    "initial_adapter_sha256": SHA256,
    "rank": COUNT,
    "alpha": NUMBER,
}
DEVICE: Shape = {
    "backend_label": LABEL,
    "kind": one_of("cpu", "cuda", "metal"),
    "device_label": LABEL,
    "name": TEXT,
    "memory_total_bytes": BYTES,
    "threads": COUNT,
    "blas": LABEL,
    "tf32": BOOLEAN,
}
SOFTWARE: Shape = {"python": LABEL, "platform": LABEL, "backend": LABEL, "runners_sha256": SHA256}
MEMBER: Shape = {
    "node_id": NODE,
    "roles": [LABEL],
    "node_public_key": SHA256,
    "backend_label": LABEL,
    "device_label": LABEL,
    "contract_endpoint": LABEL,
    "observed_endpoint": LABEL,
    "bringup_digest": SHA256,
    "admission_digest": Maybe(SHA256),
}
NODE_SUMMARY: Shape = {
    "node_id": NODE,
    "backend_label": LABEL,
    "device_label": LABEL,
    "device_name": TEXT,
    "ready": BOOLEAN,
    "heartbeats": COUNT,
    "longest_heartbeat_gap_ms": Maybe(COUNT),
    "steps_done": COUNT,
    "departure": Maybe(DEPARTURES),
    "disposition": DISPOSITIONS,
    "replay_outcome": LABEL,
    "adapter_sha256": Maybe(SHA256),
}
ACCOUNT: Shape = {
    "node_id": NODE,
    "node_public_key": SHA256,
    "journal_heads": [HEAD],
    "record_counts": MapOf(COUNT),
    "backend_label": LABEL,
    "device_label": LABEL,
    "steps_done": COUNT,
    "last_loss": Maybe(NUMBER),
    "contributor_receipt_digest": Maybe(SHA256),
    "exit_reason": LABEL,
}
DEVICE_CONTRIBUTION: Shape = {
    "node_id": NODE,
    "backend_label": LABEL,
    "device_label": LABEL,
    "device_name": TEXT,
    "contract_endpoint": LABEL,
    "observed_endpoint": LABEL,
    "contributor_receipt_digest": Maybe(SHA256),
    "adapter_sha256": Maybe(SHA256),
    "upload_bytes": COUNT,
    "steps": COUNT,
    "distinct_samples": COUNT,
    "tokens_presented": COUNT,
    "train_seconds": NUMBER,
    "tokens_per_second": NUMBER,
    "last_loss": Maybe(NUMBER),
    "share_numerator": COUNT,
    "share_denominator": COUNT,
    "disposition": DISPOSITIONS,
}
BEGIN: Shape = {
    "begin": {
        "run_id": RUN,
        "window_id": LABEL,
        "revision": COUNT,
        "contract_digest": SHA256,
        "assignment_digests": [SHA256],
    },
    "signature": SIGNATURE,
}
