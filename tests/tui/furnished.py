"""A kept run with a file of every kind that the viewer has a page for."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from runners.contract.states import Classification
from tests.observation.recorded_journals import LINUX, MAC, Recording
from tests.tui.stage import Stage

FIRST = "first_swarm_real_run_bundle.json"


def furnish(bundle: Path) -> Path:
    """What the recording's sketch of a bundle lacks: reports, receipts with losses, an adapter, an audit."""
    nodes = [
        {"node_id": node_id, "backend_label": f"open_adapter_backend.{kind}.cpu.gpt_oss_lm_head", "steps_done": 100,
         "device_label": "cpu:0", "device_name": "EPYC", "disposition": "accepted", "replay_outcome": "exact",
         "adapter_sha256": "ab" * 32, "longest_heartbeat_gap_ms": 1001}
        for node_id, kind in ((MAC, "mlx"), (LINUX, "torch"))
    ]  # fmt: skip
    states = [{"before": "planned", "after": "admitting", "reason": "asked", "wall_ms": 1_795_441_500_000},
              {"before": "admitting", "after": "active", "reason": "ready", "wall_ms": 1_795_441_509_000}]  # fmt: skip
    report = {"nodes": nodes, "states": states, "window_ms": 19_000, "skew_ms": 2_500}
    (bundle / "coordinator_runtime_report.json").write_text(json.dumps(report))
    for node_id, last in ((MAC, 4.2), (LINUX, 4.3)):
        folder = bundle / "retained_artifacts" / node_id
        folder.mkdir(parents=True)
        receipt = {"step_losses": [5.4, 5.0, 4.6, last], "samples_presented": 1600}
        (folder / "contributor_receipt.json").write_text(json.dumps(receipt))
        a, b = np.eye(2, 6, dtype=np.float32), np.full((12, 2), 0.5, np.float32)
        b[:, 1] = 0
        tensors = {"base_model.model.lm_head.lora_A.weight": a, "base_model.model.lm_head.lora_B.weight": b}
        save_file(tensors, folder / "adapter_model.safetensors", {"alpha": "4", "rank": "2"})
    (bundle / "audit.md").write_text("# Audit\n\nNothing out of the ordinary.\n")
    return bundle


@pytest.fixture
def kept(healthy: Recording, tmp_path: Path) -> Stage:
    stage = Stage.at(tmp_path / "runs", healthy, 0)
    stage.finish(Classification.BOUNDED_SUCCESS, healthy.end_ms + 100)
    assert stage.run_dir is not None
    furnish(stage.run_dir / "bundle")
    return stage
