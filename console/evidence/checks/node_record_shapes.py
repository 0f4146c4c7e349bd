"""The closed field set of the bodies that a contributor journals, by kind."""

from console.evidence.checks.document_shapes import UPLOAD_MANIFEST
from console.evidence.checks.shapes import (
    ACCELERATOR,
    BYTES,
    COUNT,
    DURATION,
    FILE,
    LABEL,
    MEASURE,
    PROCESS_ID,
    SHA256,
    TEXT,
    WHOLE,
    AtMost,
    Maybe,
    Shape,
    one_of,
    up_to,
)
from console.evidence.checks.word_shapes import CHECKPOINT, DEVICE, EXECUTION, FILE_REF

MILLIWATTS = up_to(10_000_000)
CARD: Shape = {
    "used_bytes": Maybe(BYTES),
    "total_bytes": Maybe(BYTES),
    "busy_percent": Maybe(up_to(100)),
    "temperature_c": Maybe(up_to(200)),
    "power_mw": Maybe(MILLIWATTS),
    "power_limit_mw": Maybe(MILLIWATTS),
    "slowing": Maybe([
        one_of("sw_power_cap", "hw_slowdown", "sync_boost", "sw_thermal_slowdown", "hw_thermal_slowdown",
               "hw_power_brake_slowdown")
    ]),
    "processes": Maybe(up_to(65_535)),
}  # fmt: skip
HELD: Shape = {"arrays_bytes": BYTES, "cached_bytes": BYTES, "peak_bytes": BYTES, "recommended_bytes": Maybe(BYTES)}
CONTRIBUTOR_BODIES: dict[str, Shape] = {
    "opened": {
        "pid": PROCESS_ID,
        "process_started_ms": COUNT,
        "assignment_digest": SHA256,
        "node_public_key": SHA256,
        "admission_digest": SHA256,
        "previous_file": Maybe(FILE),
        "previous_tail": Maybe(SHA256),
    },
    "recovered": {"cut_bytes": BYTES},
    "claimed": {"assignment_digest": SHA256},
    "acknowledged": {"assignment_digest": SHA256, "steps": COUNT, "samples": COUNT},
    "preparing": {
        "stage": one_of("import", "head", "shard", "adapter", "warm_up"),
        "done": COUNT,
        "total": COUNT,
        "unit": one_of("bytes", "steps", "stages"),
        "detail": TEXT,
    },
    "ready": {
        "device": DEVICE,
        "head_sha256": SHA256,
        "slice_sha256": SHA256,
        "initial_adapter_sha256": SHA256,
        "execution": EXECUTION,
        "start": Maybe(CHECKPOINT),
    },
    "began": {"begin_digest": SHA256},
    "heartbeat": {
        "beat": COUNT,
        "phase": one_of("preparing", "ready", "training", "writing", "produced"),
        "step": COUNT,
        "steps": COUNT,
        "samples": COUNT,
        "loss": Maybe(MEASURE),
        "step_ms": Maybe(DURATION),
        "memory_bytes": BYTES,
        "memory_total_bytes": BYTES,
    },
    "accelerator_read": {
        "device_label": ACCELERATOR,
        "held": Maybe(HELD),
        "card": Maybe(AtMost(CARD, "used_bytes", "total_bytes")),
        "trouble": Maybe(one_of("no_bindings", "no_nvml", "not_found", "lost", "refused", "silent", "ended")),
    },
    "checkpointed": {"checkpoint": CHECKPOINT, "samples": COUNT, "loss": MEASURE},
    "produced": {"manifest": UPLOAD_MANIFEST, "files": [FILE_REF], "receipt_digest": SHA256},
    "failed": {"reason": LABEL, "detail": TEXT},
    "exited": {"reason": one_of("released", "stopped", "failed", "orphaned"), "code": WHOLE},
    "log": {"level": one_of("info", "warning", "error"), "text": TEXT},
}
