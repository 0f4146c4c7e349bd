"""Where the retained documents lie, if anywhere, and small documents written for these tests."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[3]


def interop() -> Path:
    """The folder `fixtures/swarm` of the samples; skips where it is absent."""
    place = Path(os.environ.get("SWARM_INTEROP", REPOSITORY.parent / "shared" / "interop")) / "fixtures" / "swarm"
    if not place.is_dir():
        pytest.skip("the old system's documents are not at hand (SWARM_INTEROP or ../shared/interop)")
    return place


def reference() -> dict[str, Any]:
    """The table of digests with the results of an earlier recomputation; skips where it is absent."""
    place = interop().parents[2] / "reference" / "psionic" / "digests.json"
    if not place.is_file():
        pytest.skip("the reference table of digests is not at hand")
    table: dict[str, Any] = json.loads(place.read_text())
    return table


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write(place: Path, text: str) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    return place


def drills(loss: str = "5.5e-7") -> str:
    """An authored drill file as the old writer would have sealed it: its texts are kept, then hashed."""
    head = '"schema_version":"swarm.first_trusted_lan_failure_drills.v1"'
    drill = f'{{"drill_kind":"küstennebel","loss":{loss},"drill_digest":""}}'
    inner = sha(f"psionic_first_swarm_trusted_lan_failure_drill|{drill}")
    drill = drill.replace('digest":""', f'digest":"{inner}"')
    body = f'{{{head},"drills":[{drill}],"bundle_digest":""}}'
    outer = sha(f"psionic_first_swarm_trusted_lan_failure_drills|{body}")
    return body.replace('bundle_digest":""', f'bundle_digest":"{outer}"')


def report(role: str = "coordinator") -> dict[str, Any]:
    """A runtime report with one heartbeat, authored; its own digest is left unsealed."""
    parts = ("adapter_worker_heartbeat", "w-1", "worker", "s-1", "trusted", "-", 1000, 6000)
    return {
        "schema_version": "swarm.first_trusted_lan_runtime_report.v1",
        "run_id": "run-1",
        "runtime_role": role,
        "heartbeat_receipts": [
            {
                "window_id": "w-1",
                "worker_id": "worker",
                "session_id": "s-1",
                "trust_class": "trusted",
                "observed_at_ms": 1000,
                "next_required_heartbeat_at_ms": 6000,
                "receipt_digest": sha("".join(f"{part}|" for part in parts)),
            }
        ],
    }


def bundle(folder: Path) -> Path:
    """An authored run bundle beside its three files, with the author's absolute paths."""
    names = {
        "operator_manifest": "operator_manifest.json",
        "coordinator_report": "coordinator_runtime_report.json",
        "contributor_report": "contributor_runtime_report.json",
    }
    manifest = {"schema_version": "swarm.first_trusted_lan_operator_manifest.v1", "run_id": "run-1"}
    bodies = {
        "operator_manifest": manifest,
        "coordinator_report": report(),
        "contributor_report": report("contributor"),
    }
    body: dict[str, Any] = {"schema_version": "swarm.first_trusted_lan_real_run_bundle.v1", "run_id": "run-1"}
    for name, file in names.items():
        text = json.dumps(bodies[name])
        write(folder / file, text)
        body[f"{name}_sha256"] = sha(text)
    body["artifacts"] = {f"{name}_path": f"/srv/author/swarm/runs/run-1/{file}" for name, file in names.items()}
    body["loss"] = 5.5e-07
    body["bundle_sha256"] = sha(json.dumps(body, indent=2))
    return write(folder / "first_swarm_real_run_bundle.json", json.dumps(body, indent=2) + "\n")
