"""What the contributors of a forged run trained, and what the validator measured when it trained it again."""

from dataclasses import replace as changed
from typing import TYPE_CHECKING

import numpy as np

from console.coordination.planning import parts
from console.validation.adapter import Adapter, adapter_bytes
from console.validation.replay_comparison import Comparison, Segment, compare, worst
from console.validation.training_state import MOMENT_NAMES, State
from runners.contract import receipts
from runners.contract.adapter_config import adapter_config_bytes
from runners.contract.plan import (
    ADAPTER_CONFIG_FILE,
    ADAPTER_FILE,
    MOMENTS_A,
    MOMENTS_B,
    RECEIPT_FILE,
    STEP_LOSSES,
    TENSOR_A,
    TENSOR_B,
    Assignment,
    CheckpointRef,
    checkpoint_name,
    checkpoints_after,
)
from runners.records.tensors import RawTensor, write_tensors
from runners.records.training_state import metadata_of
from tests.checks.forged_hosts import MAC, NODES, RUN_ID, STEPS
from tests.checks.resealing import Body
from tests.checks.tiny_training import Stand, Trained, train

if TYPE_CHECKING:
    from tests.checks.forge import Forge

FARTHEST = 1e6  # a receipt holds finite figures only, also where a lie makes the reference delta zero


def assigned_start(run: "Forge") -> Stand:
    b = np.zeros((run.head.shape[0], run.contract.adapter.rank), np.float32)
    nothing = tuple(np.zeros_like(each) for each in (run.start, run.start, b, b))
    return Stand(0, run.start, b, nothing, ())


def stretch(run: "Forge", node: str, start: Stand, end: int, rounding: type[np.floating]) -> Stand:
    """The steps after `start` up to and with `end`."""
    assignment = run.plan.assignment(node)
    shard = run.train_shard.take(parts(run.contract, 16)[NODES.index(node)].sample_indices)
    contract = run.contract
    return train(run.head, shard, start, contract.adapter, contract.recipe, assignment.batches[:end], rounding)


def ends_of(run: "Forge") -> tuple[int, ...]:
    return (*checkpoints_after(run.contract.recipe), STEPS)


def kept_before(run: "Forge", node: str) -> tuple[CheckpointRef, ...]:
    """What the revision before kept of this node's work: the file lies where the replay's bundle has it."""
    stands, assignment = [assigned_start(run)], run.plan.assignment(node)
    for end in checkpoints_after(run.contract.recipe):
        stands.append(stretch(run, node, stands[-1], end, rounding_of(node)))
    return tuple(_kept(run, node, stand, assignment, run.lies.revision - 1) for stand in stands[1:])


def _kept(run: "Forge", node: str, stand: Stand, assignment: Assignment, revision: int) -> CheckpointRef:
    path = f"retained_artifacts/{node}/checkpoints/{checkpoint_name(stand.step)}"
    return CheckpointRef(revision=revision, step=stand.step, file=run.store(path, state_bytes(stand, assignment)))


def rounding_of(node: str) -> type[np.floating]:
    return np.float32 if node == MAC else np.float64


def contribute(run: "Forge", node: str) -> None:
    """Adapter, configuration, checkpoints and receipt."""
    assignment = run.plan.assignment(node)
    stands = [assigned_start(run)]
    for end in ends_of(run):
        stands.append(stretch(run, node, stands[-1], end, rounding_of(node)))
    result = _trained(stands[-1], {stand.step: stand for stand in stands[1:-1]})
    if run.lies.trained:
        result = run.lies.trained(run, node, result)
    run.results[node] = result
    folder = f"retained_artifacts/{node}"
    adapter = run.store(f"{folder}/{ADAPTER_FILE}", _adapter_bytes(result, assignment))
    config_raw = adapter_config_bytes(rank=assignment.adapter.rank, alpha=assignment.adapter.alpha, base_label="forged")
    config = run.store(f"{folder}/{ADAPTER_CONFIG_FILE}", config_raw)
    start, done = assignment.start, assignment.start.step if assignment.start else 0
    own = [stand for stand in result.kept.values() if stand.step > done]
    checkpoints = (
        *assignment.continues_from,
        *(_kept(run, node, stand, assignment, run.lies.revision) for stand in own),
    )
    batches = assignment.batches
    shard = run.train_shard.take(parts(run.contract, 16)[NODES.index(node)].sample_indices)
    tokens = [int(sum(np.diff(shard.offsets)[index] for index in batch)) for batch in batches]
    run.seal(
        f"{folder}/{RECEIPT_FILE}", run.paths.artifacts / node / RECEIPT_FILE, receipts.ContributorReceipt,
        run_id=RUN_ID, window_id=run.plan.window_id, revision=run.lies.revision, node_id=node,
        assignment_digest=assignment.digest, contract_digest=run.contract.digest, device=run.device(node),
        software=run.software(node), execution=run.execution(node),
        initial_adapter_sha256=assignment.initial_adapter.sha256,
        slice_sha256=assignment.slice.shard.sha256, head_sha256=assignment.head.sha256, adapter=adapter,
        adapter_config=config, checkpoints=checkpoints, continued_from=start, steps=STEPS,
        samples_presented=sum(len(batch) for batch in batches),
        distinct_samples=len({index for batch in batches for index in batch}), tokens_presented=sum(tokens),
        tokens_trained=sum(tokens[done:]), step_losses=result.losses, started_wall_ms=1_790_000_002_000,
        finished_wall_ms=1_790_000_005_000, train_seconds=3.0,
    )  # fmt: skip


def replay(run: "Forge", node: str) -> None:
    """Segment by segment, each from the contributor's own checkpoint, on the validator's device."""
    assignment, own = run.plan.assignment(node), run.results[node]
    again, start = [], assigned_start(run)
    for end in ends_of(run):
        stand = stretch(run, node, start, end, np.float32)
        again.append(stand)
        start = own.kept.get(end, stand)
    losses = tuple(
        loss for before, stand in zip((0, *ends_of(run)), again, strict=False) for loss in stand.losses[before:]
    )
    result = changed(_trained(again[-1], {stand.step: stand for stand in again[:-1]}), losses=losses)
    if run.lies.replayed:
        result = run.lies.replayed(run, node, result)
    run.replays[node] = result
    receipt = run.documents[f"retained_artifacts/{node}/{RECEIPT_FILE}"]
    tolerance = run.contract.governance.tolerance(run.contract.node(node).backend, "mlx")
    settings = run.execution(MAC)
    segments, found = _segments(run, node, receipt, same_settings=receipt.execution == settings)
    run.seal(
        f"receipts/replay_{node}.json", run.paths.receipts / f"replay_{node}.json", receipts.ReplayReceipt,
        run_id=RUN_ID, window_id=run.plan.window_id, revision=run.lies.revision, node_id=node,
        assignment_digest=assignment.digest, contributor_backend_label=receipt.device.backend_label,
        replay_device=run.device(MAC), replay_software=run.software(MAC), contributor_execution=receipt.execution,
        replay_execution=settings, contribution_sha256=receipt.adapter.sha256, continued_from=assignment.start,
        segments=segments, outcome=worst(tuple(segment.outcome for segment in segments)),
        relative_difference=min(max(each.relative_difference for each in found), FARTHEST),
        max_loss_difference=max(each.max_loss_difference for each in found), tolerance=tolerance,
        step_losses=result.losses, replay_seconds=1.5,
    )  # fmt: skip


def _segments(
    run: "Forge", node: str, receipt: receipts.ContributorReceipt, *, same_settings: bool
) -> tuple[tuple[receipts.SegmentReplay, ...], list[Comparison]]:
    assignment, own, again = run.plan.assignment(node), run.results[node], run.replays[node]
    governance = run.contract.governance
    tolerance = governance.tolerance(run.contract.node(node).backend, "mlx")
    kept = {ref.step: ref.file.sha256 for ref in receipt.checkpoints} | {STEPS: receipt.adapter.sha256}
    initial = assigned_start(run)
    before, before_sha256 = State(_adapter(run, initial.a, initial.b), {}, ()), assignment.initial_adapter.sha256
    segments, found, done = [], [], 0
    for end in ends_of(run):
        end_state, replayed = (_state(run, trained, end) for trained in (own, again))
        comparison = compare(
            Segment(before, end_state, replayed, receipt.step_losses[done:end], again.losses[done:end]), tolerance,
            same_settings=same_settings, exact_owed=governance.same_backend_exact,
        )  # fmt: skip
        folder, name = f"retained_artifacts/replayed_{node}", ADAPTER_FILE if end == STEPS else checkpoint_name(end)
        raw = _adapter_bytes(again, assignment) if end == STEPS else state_bytes(again.kept[end], assignment)
        segments.append(
            receipts.SegmentReplay(
                first_step=done + 1,
                last_step=end,
                start_sha256=before_sha256,
                end_sha256=kept[end],
                replayed=run.store(f"{folder}/{name}", raw),
                outcome=comparison.outcome,
                distances=comparison.distances,
                max_loss_difference=comparison.max_loss_difference,
            )
        )
        found.append(comparison)
        before, before_sha256, done = end_state, kept[end], end
    return tuple(segments), found


def replay_record(run: "Forge", node: str) -> Body:
    """What the decision's record repeats of the receipt."""
    receipt = run.documents[f"receipts/replay_{node}.json"]
    body: Body = receipt.to_json()
    names = ("node_id", "outcome", "relative_difference", "max_loss_difference")
    return {
        **{name: body[name] for name in names},
        "relative_bound": body["tolerance"]["relative_bound"],
        "loss_bound": body["tolerance"]["loss_bound"],
        "segments": len(body["segments"]),
        "exact_segments": sum(segment["outcome"] == "exact" for segment in body["segments"]),
        "backend_label": receipt.replay_device.backend_label,
        "receipt_digest": receipt.digest,
        "replayed_sha256": receipt.segments[-1].replayed.sha256 if receipt.segments else None,
        "detail": "",
    }


def state_bytes(stand: Stand, assignment: Assignment) -> bytes:
    """A training checkpoint's file."""
    tensors = {TENSOR_A: stand.a, TENSOR_B: stand.b}
    tensors |= dict(zip((*MOMENTS_A, *MOMENTS_B), stand.moments, strict=True))
    raw = {name: RawTensor("F32", values.shape, values.tobytes()) for name, values in tensors.items()}
    raw[STEP_LOSSES] = RawTensor("F64", (stand.step,), np.array(stand.losses, "<f8").tobytes())
    return write_tensors(raw, metadata_of(assignment.digest, stand.step))


def _trained(stand: Stand, kept: dict[int, Stand]) -> Trained:
    return Trained(stand.a, stand.b, stand.losses, kept)


def _state(run: "Forge", trained: Trained, end: int) -> State:
    if end == STEPS:
        return State(_adapter(run, trained.a, trained.b), {}, ())
    stand = trained.kept[end]
    return State(_adapter(run, stand.a, stand.b), dict(zip(MOMENT_NAMES, stand.moments, strict=True)), stand.losses)


def _adapter(run: "Forge", a: np.ndarray, b: np.ndarray) -> Adapter:
    return Adapter(a, b, run.contract.adapter.alpha, {})


def _adapter_bytes(trained: Trained, assignment: Assignment) -> bytes:
    return adapter_bytes(trained.a, trained.b, {"format": "pt", "swarm_assignment": assignment.digest})
