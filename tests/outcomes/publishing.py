"""What a publication test needs: the forged run's checkpoint, PEFT figures made up for it, and resealing."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from console.evidence.lane_documents.places import LanePlaces
from console.evidence.outcomes.closed_bundle import ClosedBundle
from console.evidence.outcomes.publication import MANIFEST_FILE, PeftSmoke
from console.evidence.outcomes.publish import publish
from runners.contract.canonical import readable_bytes
from runners.records.tensors import RawTensor, write_tensors
from tests.checks.forged_plan import TOKENIZER, VOCABULARY, WIDTH
from tests.checks.resealing import reseal_body, sized

Body = dict[str, Any]
PLACES = LanePlaces("loopback")
SNAPSHOT_DIR, REPORT_FILE = PLACES.snapshot_dir, PLACES.publication_report


def write_checkpoint(folder: Path, *, seed: int = 7, tokenizer: bytes = TOKENIZER) -> Path:
    """The head and tokenizer that a forged run was planned on: seed 7 is the forge's own."""
    folder.mkdir(parents=True)
    head = np.random.default_rng(seed).standard_normal((VOCABULARY, WIDTH)).astype("f4")
    tensor = RawTensor("F32", (VOCABULARY, WIDTH), head.tobytes())
    (folder / "model.safetensors").write_bytes(write_tensors({"lm_head.weight": tensor}, {"format": "pt"}))
    (folder / "tokenizer.json").write_bytes(tokenizer)
    (folder / "config.json").write_bytes(readable_bytes({"bos_token_id": None, "eos_token_id": 0, "pad_token_id": 1}))
    return folder


def authored_smoke(**changed: Any) -> PeftSmoke:
    """A forged head has no decoder, so PEFT can't run on it: these figures are made up. The real ones are measured in
    test_snapshot_loads.py."""
    fields: Body = {
        "max_logit_difference": 1e-6,
        "logit_bound": 1e-4,
        "largest_delta": 2.0,
        "positions": 12,
        "asked_tokens": 2,
        "generated_tokens": (3, 4),
        "peft": "peft@0",
        "transformers": "transformers@0",
        "torch": "torch@0",
    }
    return PeftSmoke(**{**fields, **changed})


def publish_forged(run: ClosedBundle, model: Path, out: Path, smoke: PeftSmoke | None = None) -> Path:
    """The snapshot's folder."""

    async def measure(_: Path) -> PeftSmoke:
        return smoke or authored_smoke()

    return asyncio.run(publish(run, model, out, measure))[0]


def reseal_publication(out: Path, edit: Callable[[Body], None] | None = None, *, relist: bool = True) -> None:
    """List and digest what lies in the snapshot now, and let the report cite it; `edit` changes the report."""
    snapshot = out / SNAPSHOT_DIR
    manifest = json.loads((snapshot / MANIFEST_FILE).read_bytes())
    if relist:
        manifest["files"] = [
            {"path": path.relative_to(snapshot).as_posix(), **sized(path.read_bytes())}
            for path in sorted(snapshot.rglob("*"), key=lambda path: path.relative_to(snapshot).as_posix())
            if path.is_file() and path.name != MANIFEST_FILE
        ]
    reseal_body(manifest)
    (snapshot / MANIFEST_FILE).write_bytes(readable_bytes(manifest))
    report = json.loads((out / REPORT_FILE).read_bytes())
    report["publish_manifest_digest"] = manifest["digest"]
    if edit:
        edit(report)
    reseal_body(report)
    (out / REPORT_FILE).write_bytes(readable_bytes(report))
