"""What a contributor of a forged run says, in the order of a real one."""

from typing import TYPE_CHECKING

from runners.contract.plan import RECEIPT_FILE, FileRef
from tests.checks.forged_hosts import MAC, NODES, STEPS
from tests.checks.forged_journal import Said
from tests.checks.lies import Records
from tests.checks.resealing import Body, sized

if TYPE_CHECKING:
    from tests.checks.forge import Forge


def contributor_records(run: "Forge", node: str) -> Records:
    """Every record from `opened` to `exited`, on the contributor's own clock."""
    assignment, receipt = run.plan.assignment(node), run.documents[f"retained_artifacts/{node}/{RECEIPT_FILE}"]
    admission = run.documents[f"receipts/admission_{node}.json"]
    start, done = assignment.start, assignment.start.step if assignment.start else 0
    zero = 50_000 if node == MAC else 70_000
    said = [
        Said("opened", {
            "pid": 4000 + NODES.index(node), "process_started_ms": 1_790_000_000_700,
            "assignment_digest": assignment.digest, "node_public_key": run.public[node],
            "admission_digest": admission.digest, **earlier(run, node),
        }, zero),
        Said("claimed", {"assignment_digest": assignment.digest}, zero + 5),
        Said("acknowledged", {"assignment_digest": assignment.digest, "steps": STEPS, "samples": 8}, zero + 10),
        Said("preparing", {"stage": "head", "done": 1, "total": 1, "unit": "stages", "detail": ""}, zero + 400),
        Said("heartbeat", _beat(1, "preparing", 0, None), zero + 1000),
        Said("ready", {
            "device": receipt.device.to_json(), "head_sha256": assignment.head.sha256,
            "slice_sha256": assignment.slice.shard.sha256,
            "initial_adapter_sha256": assignment.initial_adapter.sha256, "execution": receipt.execution.to_json(),
            "start": start.to_json() if start else None,
        }, zero + 1300),
        Said("began", {"begin_digest": run.begin_digest}, zero + 1900),
    ]  # fmt: skip
    checkpoints = {ref.step: ref for ref in receipt.checkpoints}
    for step in range(done + 1, STEPS + 1):
        at_ms, loss = zero + 1000 + step * 1000, receipt.step_losses[step - 1]
        said.append(Said("heartbeat", _beat(step + 1, "training", step, loss), at_ms))
        if step in checkpoints:
            body = {"checkpoint": checkpoints[step].to_json(), "samples": 4 * step, "loss": loss}
            said.append(Said("checkpointed", body, at_ms + 20))
    files = [
        FileRef(name=RECEIPT_FILE, **sized((run.paths.artifacts / node / RECEIPT_FILE).read_bytes())),
        receipt.adapter_config,
        receipt.adapter,
    ]
    said.append(Said("produced", {
        "manifest": assignment.expected_upload.to_json(), "files": [file.to_json() for file in files],
        "receipt_digest": receipt.digest,
    }, zero + 5500))  # fmt: skip
    said.append(
        Said(
            "heartbeat",
            _beat(STEPS + 2, "produced", STEPS, receipt.step_losses[-1]),
            zero + 6000,
        )
    )
    said.append(Said("exited", {"reason": "released", "code": 0}, zero + 6500))
    return run.lies.own[node](said) if node in run.lies.own else said


def earlier(run: "Forge", node: str) -> Body:
    """What a host that trained before names as its journal of then."""
    before = run.lies.revision - 1
    if before < 0:
        return {"previous_file": None, "previous_tail": None}
    return {"previous_file": f"{node}.contributor.r{before}.e{before}.jsonl", "previous_tail": "e" * 64}


def _beat(beat: int, phase: str, step: int, loss: float | None) -> Body:
    return {
        "beat": beat, "phase": phase, "step": step, "steps": STEPS, "samples": 4 * step, "loss": loss,
        "step_ms": None if loss is None else 900.0, "memory_bytes": 1 << 28, "memory_total_bytes": 8 << 30,
    }  # fmt: skip
