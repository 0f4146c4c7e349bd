"""What a contributor's verified records mean to the coordinator."""

from typing import Any

from console.coordination.state import NodeState, RunState
from runners.contract import coordinator_records as rec
from runners.contract import node_records as node_rec
from runners.contract.document import Word, check_digests, word_from_json
from runners.contract.errors import DigestMismatch, MalformedBytes
from runners.contract.journal import Head, JournalRecord
from runners.contract.states import WindowState


def arrive(
    state: RunState, node_id: str, record: JournalRecord, head: Head, at_ms: int
) -> tuple[RunState, tuple[Word, ...]]:
    """The state with the arrival noted, and what the coordinator must journal because of it.

    Folding the same record twice yields nothing new, so a restarted coordinator reads its mirrors from the start.
    Nothing that comes after trouble, or after the end of the attempt, is a reason for anything.
    """
    state = state.with_node(node_id, head=head)
    node = state.nodes[node_id]
    settled = node.trouble is not None or state.ended
    try:
        body = word_from_json(node_rec.NODE_BODIES[record.kind], record.body)
        check_digests(body)
    except (KeyError, MalformedBytes, DigestMismatch) as error:
        return state, () if settled else (_broken(node_id, "unknown_record", f"{record.kind}: {error}", head),)
    if isinstance(body, node_rec.Heartbeat):
        return state.with_node(node_id, last_beat_ms=at_ms), ()
    if isinstance(body, node_rec.Began):
        return _began(state, node_id, body, head, settled=settled)
    if isinstance(body, node_rec.Ready):
        return state, () if node.ready or settled else _ready(node, body, head)
    if isinstance(body, node_rec.Checkpointed):
        return _announced(state, node, body, head, settled=settled)
    if isinstance(body, node_rec.Produced):
        return state, () if node.seen or node.trouble else (_produced(node, body, record, head),)
    if isinstance(body, node_rec.Exited):
        state = state.with_node(node_id, exited=True)
    # Its upload lies in the outbox, whole and synced, before a runner says so: what befalls it later changes nothing.
    if node.seen or settled:
        return state, ()
    if isinstance(body, node_rec.Failed):
        return state, (_failed(state, node_id, body.reason, body.detail, head),)
    if isinstance(body, node_rec.Exited):
        detail = f"the runner ended by itself: {body.reason}, code {body.code}"
        return state, (_failed(state, node_id, f"exited_{body.reason}", detail, head),)
    return state, ()


def _broken(node_id: str, reason: str, detail: str, head: Head) -> Word:
    return rec.JournalBroken(node_id=node_id, reason=reason, detail=detail[:2000], head=head)


def _began(
    state: RunState, node_id: str, body: node_rec.Began, head: Head, *, settled: bool
) -> tuple[RunState, tuple[Word, ...]]:
    """Training starts only with the permission that this coordinator gave."""
    if body.begin_digest == state.begin_digest:
        return state.with_node(node_id, began=True), ()
    if settled:
        return state, ()
    detail = f"expected to begin with permission {state.begin_digest}, got {body.begin_digest}"
    return state, (_broken(node_id, "began_without_permission", detail, head),)


def _ready(node: NodeState, body: node_rec.Ready, head: Head) -> tuple[Word, ...]:
    """Ready counts only on the device that the bring-up of this run measured."""
    bringup = node.bringup
    if bringup is None or body.device.backend_label != bringup.backend_label:
        expected = bringup.backend_label if bringup else "a bring-up report"
        detail = f"expected the device of the bring-up, {expected}, got {body.device.backend_label}"
        return (rec.PreparationFailed(node_id=node.node_id, reason="device_changed", detail=detail),)
    return (
        rec.RunnerReady(
            node_id=node.node_id,
            device_label=body.device.device_label,
            backend_label=body.device.backend_label,
            head=head,
        ),
    )


def _announced(
    state: RunState, node: NodeState, body: node_rec.Checkpointed, head: Head, *, settled: bool
) -> tuple[RunState, tuple[Word, ...]]:
    """A checkpoint that came before an end is worth keeping after it: a later revision may go on from it."""
    ref = body.checkpoint
    if any(known.step == ref.step for known, _ in node.announced) or node.trouble is not None:
        return state, ()
    steps = [known.step for known, _ in node.announced]
    if node.began and ref.revision == state.revision and ref.step > max(steps, default=0):
        return state.with_node(node.node_id, announced=(*node.announced, (ref, head))), ()
    detail = f"expected a later checkpoint of revision {state.revision}, after permission to begin, got step {ref.step}"
    return state, () if settled else (_broken(node.node_id, "checkpoint_out_of_order", detail, head),)


def _produced(node: NodeState, body: node_rec.Produced, record: JournalRecord, head: Head) -> Word:
    if not node.began:
        detail = "expected work after the permission to begin, got a contribution before it"
        return _broken(node.node_id, "produced_without_permission", detail, head)
    return rec.ContributionSeen(
        node_id=node.node_id,
        manifest_digest=body.manifest.digest,
        files=body.files,
        produced_wall_ms=record.wall_ms,
        head=head,
    )


def _failed(state: RunState, node_id: str, reason: str, detail: str, head: Head) -> Word:
    fields: dict[str, Any] = {"node_id": node_id, "reason": reason, "detail": detail}
    if state.window in (WindowState.PREPARING, WindowState.ADMITTING):
        return rec.PreparationFailed(**fields)
    return rec.ContributorFailed(**fields, head=head)
