"""What a contributor of a recorded run does, and what the coordinator says of it at that moment."""

import math
from collections.abc import Callable

from runners.contract import coordinator_records as coord
from runners.contract import node_records as node
from runners.contract.plan import FileRef, TensorShape, UploadIdentity, UploadManifest
from runners.contract.receipts import Device
from runners.contract.states import (
    Phase,
    RunnerState,
)
from tests.execution_settings import EXECUTION
from tests.observation.recorded_journals import MAC, RUN_ID, STEPS, WALL_0, Recorder, fixture_key, head, sha


def device(node_id: str) -> Device:
    backend = "mlx" if node_id == MAC else "torch"
    return Device(
        backend_label=f"open_adapter_backend.{backend}.cpu.gpt_oss_lm_head",
        kind="cpu",
        device_label="cpu:0",
        name="AMD EPYC 9R14",
        memory_total_bytes=16_000_000_000,
        threads=1,
        blas="openblas",
        tf32=False,
    )


def manifest(node_id: str) -> UploadManifest:
    identity = UploadIdentity(
        run_id=RUN_ID,
        window_id="window-1",
        node_id=node_id,
        revision=1,
        head_sha256=sha("head"),
        slice_sha256=sha(f"slice {node_id}"),
        initial_adapter_sha256=sha("initial"),
        rank=8,
        alpha=16.0,
    )
    tensors = (
        TensorShape(name="base_model.model.lm_head.lora_A.weight", dtype="F32", shape=(8, 128)),
        TensorShape(name="base_model.model.lm_head.lora_B.weight", dtype="F32", shape=(2048, 8)),
    )
    return UploadManifest.seal(files=("adapter_model.safetensors",), tensors=tensors, identity=identity)


def adapter_file(node_id: str) -> FileRef:
    return FileRef(name="adapter_model.safetensors", size_bytes=69_904, sha256=sha(f"adapter {node_id}"))


def runner(run: Recorder, at_ms: int, node_id: str, before: RunnerState, after: RunnerState, **known: object) -> None:
    fields = {"beat_age_ms": None, "bound_ms": None, "departure": None, "cause": "its journal says so", "head": None}
    body = coord.RunnerChanged.model_validate({"node_id": node_id, "before": before, "after": after, **fields, **known})
    run.put(at_ms, "coordinator", "runner_changed", body)


def loss_at(step: int, node_id: str) -> float:
    return 4.1 + (1.35 if node_id == MAC else 1.45) * math.exp(-step / 38)


def beat(run: Recorder, at_ms: int, node_id: str, count: int, phase: Phase, step: int, step_ms: float) -> None:
    trains = step > 0
    body = node.Heartbeat(
        beat=count,
        phase=phase,
        step=step,
        steps=STEPS,
        samples=step * 8,
        loss=loss_at(step, node_id) if trains else None,
        step_ms=step_ms if trains else None,
        memory_bytes=412_000_000 if node_id == MAC else 688_000_000,
        memory_total_bytes=16_000_000_000,
    )
    run.put(at_ms, node_id, "heartbeat", body, revision=1)


def prepare(run: Recorder, node_id: str, launched_ms: int, ready_ms: int) -> int:
    """From launch to ready; returns how many beats there were."""
    put: Callable[..., None] = run.put
    body = coord.Launched(
        node_id=node_id,
        revision=1,
        epoch=1,
        pid=4200,
        process_started_ms=WALL_0 + launched_ms,
        journal=f"{node_id}.contributor.r1.e1.jsonl",
    )
    put(launched_ms, "coordinator", "launched", body)
    runner(run, launched_ms + 10, node_id, RunnerState.ABSENT, RunnerState.PREPARING)
    opened = node.Opened(
        pid=4200,
        process_started_ms=WALL_0 + launched_ms,
        assignment_digest=sha(f"assignment {node_id}"),
        node_public_key=fixture_key(node_id).public_hex,
        admission_digest=sha(f"admission {node_id}"),
        previous_file=None,
        previous_tail=None,
    )
    put(launched_ms + 200, node_id, "opened", opened, revision=1)
    digest = sha(f"assignment {node_id}")
    put(launched_ms + 210, node_id, "claimed", node.Claimed(assignment_digest=digest), revision=1)
    known = node.Acknowledged(assignment_digest=digest, steps=STEPS, samples=200)
    put(launched_ms + 220, node_id, "acknowledged", known, revision=1)
    stage = node.Preparing(stage="head", done=262_144, total=524_288, unit="bytes", detail="")
    put(launched_ms + 700, node_id, "preparing", stage, revision=1)
    count, at_ms = 0, launched_ms + 800
    while at_ms < ready_ms:
        beat(run, at_ms, node_id, count, Phase.PREPARING, 0, 0)
        count, at_ms = count + 1, at_ms + 1000
    ready = node.Ready(
        device=device(node_id),
        head_sha256=sha("head"),
        slice_sha256=sha(f"slice {node_id}"),
        initial_adapter_sha256=sha("initial"),
        execution=EXECUTION,
        start=None,
    )
    put(ready_ms, node_id, "ready", ready, revision=1)
    while at_ms < 8300:
        beat(run, at_ms, node_id, count, Phase.READY, 0, 0)
        count, at_ms = count + 1, at_ms + 1000
    there = device(node_id)
    seen = coord.RunnerReady(
        node_id=node_id, device_label=there.device_label, backend_label=there.backend_label, head=head(node_id)
    )
    put(ready_ms + 100, "coordinator", "runner_ready", seen)
    return count


def train(run: Recorder, node_id: str, begin_ms: int, step_ms: float, first_beat: int, until_ms: int) -> int:
    """Beats every second until the work is done or `until_ms`; returns when it was done."""
    done_ms = round(begin_ms + STEPS * step_ms)
    run.put(begin_ms, node_id, "began", node.Began(begin_digest=sha("begin")), revision=1)
    at_ms, count = begin_ms + 300, first_beat
    while at_ms < min(done_ms, until_ms):
        step = min(STEPS, int((at_ms - begin_ms) / step_ms))
        beat(run, at_ms, node_id, count, Phase.TRAINING, step, step_ms)
        at_ms, count = at_ms + 1000, count + 1
    return done_ms


def produce(run: Recorder, node_id: str, at_ms: int) -> None:
    """Produced, seen, fetched and received."""
    body = node.Produced(manifest=manifest(node_id), files=(adapter_file(node_id),), receipt_digest=sha("receipt"))
    beat(run, at_ms - 20, node_id, 90, Phase.WRITING, STEPS, 83.0)
    run.put(at_ms, node_id, "produced", body, revision=1)
    seen = coord.ContributionSeen(
        node_id=node_id,
        manifest_digest=manifest(node_id).digest,
        files=(adapter_file(node_id),),
        produced_wall_ms=WALL_0 + at_ms,
        head=head(node_id),
    )
    run.put(at_ms + 100, "coordinator", "contribution_seen", seen)
    judged = coord.SubmissionJudged(
        node_id=node_id,
        outcome="received",
        reason="as_journaled_and_planned",
        findings=(),
        manifest_digest=manifest(node_id).digest,
        adapter_sha256=sha(f"adapter {node_id}"),
        size_bytes=69_904,
        fetch_ms=310,
    )
    run.put(at_ms + 420, "coordinator", "submission_judged", judged)


def wait_with_beats(run: Recorder, node_id: str, since_ms: int, until_ms: int) -> None:
    count, at_ms = 91, since_ms + 800
    while at_ms < until_ms:
        beat(run, at_ms, node_id, count, Phase.PRODUCED, STEPS, 83.0)
        count, at_ms = count + 1, at_ms + 1000
