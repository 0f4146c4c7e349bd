"""Closed field sets of what a bring-up report is made of."""

from console.evidence.checks.shapes import (
    BOOLEAN,
    COUNT,
    LABEL,
    NODE,
    NUMBER,
    RUN,
    SHA256,
    SIGNATURE,
    TEXT,
    WHOLE,
    Maybe,
    Shape,
    one_of,
)
from console.evidence.checks.word_shapes import DEVICE, SOFTWARE

FINDING: Shape = {
    "rule": LABEL,
    "scope": one_of("machine", "training"),
    "holds": BOOLEAN,
    "value": TEXT,
    "limit": TEXT,
}
MACHINE: Shape = {
    "os": LABEL,
    "os_version": TEXT,
    "os_build": Maybe(LABEL),
    "kernel": LABEL,
    "arch": LABEL,
    "hardware_model": Maybe(TEXT),
    "chip": TEXT,
    "cpu_count": COUNT,
    "memory_total_bytes": COUNT,
    "memory_available_bytes": COUNT,
    "memory_pressure": Maybe(LABEL),
    "disk_free_bytes": COUNT,
}
ACCELERATOR: Shape = {
    "kind": one_of("cpu", "cuda", "metal"),
    "name": TEXT,
    "visible": COUNT,
    "memory_total_bytes": COUNT,
    "memory_free_before_bytes": COUNT,
    "memory_free_during_bytes": Maybe(COUNT),
    "driver": Maybe(LABEL),
    "compute_capability": Maybe(LABEL),
    "pci_bus_id": Maybe(LABEL),
    "metal_family": Maybe(LABEL),
    "gpu_cores": Maybe(COUNT),
    "throttling": Maybe([LABEL]),
    "sources": [LABEL],
}
MEMORY: Shape = {
    "chunk_tokens": COUNT,
    "most_chunk_tokens": COUNT,
    "needs": [
        {
            "where": one_of("host", "device"),
            "needed_bytes": COUNT,
            "free_bytes": COUNT,
            "parts": [{"name": LABEL, "size": COUNT}],
        }
    ],
}
PRODUCT_PROBE: Shape = {
    "device_label": LABEL,
    "seed": WHOLE,
    "rows": COUNT,
    "inner": COUNT,
    "columns": COUNT,
    "relative_error": NUMBER,
    "sample": [NUMBER],
    "bf16": Maybe({"relative_error": NUMBER, "sample": [NUMBER]}),
    "seconds": NUMBER,
}
GATE_RECEIPT: Shape = {
    "schema_version": one_of("swarm.gate_receipt.v1"),
    "digest": SHA256,
    "run_id": RUN,
    "node_id": NODE,
    "role": one_of("contributor"),
    "contract_digest": SHA256,
    "device": DEVICE,
    "software": SOFTWARE,
    "family": LABEL,
    "format": one_of("safetensors"),
    "precision": one_of("f32_reference"),
    "seed": WHOLE,
    "head_sha256": SHA256,
    "initial_adapter_sha256": SHA256,
    "adapter_sha256": SHA256,
    "steps": COUNT,
    "samples_presented": COUNT,
    "tokens_presented": COUNT,
    "step_losses": [NUMBER],
    "initial_loss": NUMBER,
    "final_loss": NUMBER,
    "started_wall_ms": COUNT,
    "finished_wall_ms": COUNT,
    "train_seconds": NUMBER,
}
GATE_RESULT: Shape = {
    "receipt": GATE_RECEIPT,
    "signature": SIGNATURE,
    "refused_precision": LABEL,
    "refusal": TEXT,
}
THROUGHPUT: Shape = {
    "vocab_size": COUNT,
    "hidden_size": COUNT,
    "rank": COUNT,
    "chunk_tokens": COUNT,
    "threads": COUNT,
    "step_tokens": COUNT,
    "steps": COUNT,
    "seconds": NUMBER,
    "band_tokens_per_second": [NUMBER],
    "median_tokens_per_second": NUMBER,
    "lowest_tokens_per_second": NUMBER,
    "highest_tokens_per_second": NUMBER,
}
