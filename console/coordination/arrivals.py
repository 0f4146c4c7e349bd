"""What a contributor's verified records mean to the coordinator."""

from typing import Any

from console.coordination.state import NodeState, RunState
from runners.contract import coordinator_records as rec
from runners.contract import node_records as node_rec
from runners.contract.document import Word, word_from_json
from runners.contract.errors import MalformedBytes
from runners.contract.journal import Head, JournalRecord
from runners.contract.states import WindowState


def arrive(
    state: RunState, node_id: str, record: JournalRecord, head: Head, at_ms: int
) -> tuple[RunState, tuple[Word, ...]]:
    """The state with the arrival noted, and what the coordinator must journal because of it.

    Folding the same record twice yields nothing new, so a restarted coordinator reads its mirrors from the start.
    """
    state = state.with_node(node_id, head=head)
    try:
        body = word_from_json(node_rec.NODE_BODIES[record.kind], record.body)
    except (KeyError, MalformedBytes) as error:
        broken = rec.JournalBroken(node_id=node_id, reason="unknown_record", detail=str(error)[:2000], head=head)
        return state, (broken,)
    node = state.nodes[node_id]
    if isinstance(body, node_rec.Heartbeat):
        return state.with_node(node_id, last_beat_ms=at_ms), ()
    if isinstance(body, node_rec.Began):
        return state.with_node(node_id, began=True), ()
    if isinstance(body, node_rec.Ready):
        return state, () if node.ready else _ready(node, body, head)
    if isinstance(body, node_rec.Produced):
        return state, () if node.seen else (_seen(node_id, body, record, head),)
    if isinstance(body, node_rec.Failed):
        return state, () if node.trouble else (_failed(state, node_id, body.reason, body.detail, head),)
    if isinstance(body, node_rec.Exited):
        early = node.seen is None and node.trouble is None and not state.ended
        state = state.with_node(node_id, exited=True)
        detail = f"the runner ended by itself: {body.reason}, code {body.code}"
        return state, (_failed(state, node_id, f"exited_{body.reason}", detail, head),) if early else ()
    return state, ()


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


def _seen(node_id: str, body: node_rec.Produced, record: JournalRecord, head: Head) -> Word:
    return rec.ContributionSeen(
        node_id=node_id,
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
