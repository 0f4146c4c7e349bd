"""The window's rules about who is late: heartbeats past their bounds, and contributions too far apart. Pure."""

from console.coordination.state import NodeState, RunState
from runners.contract import coordinator_records as rec
from runners.contract.document import Word
from runners.contract.states import Departure, Disposition, RunnerState, WindowState

W = WindowState


def runner_bounds(state: RunState, now_ms: int) -> Word | None:
    """5 s, 7.5 s: on the age of the last received heartbeat, whatever the link does; death only when proven."""
    if state.window is not W.ACTIVE and state.exit is not W.REPLAY_REQUIRED:
        return None
    for node in state.in_order:
        change = _runner_change(state, node, now_ms)
        if change is not None:
            return change
    return None


def _runner_change(state: RunState, node: NodeState, now_ms: int) -> Word | None:
    if not node.under_bounds or node.last_beat_ms is None:
        return None
    policies = state.policies
    age = now_ms - node.last_beat_ms
    link = f"its link is {node.link.value}"
    if node.proven_dead:
        cause = f"{node.death or 'its lock is free and its process gone'}; {link}"
        return _runner(node, RunnerState.LOST, age, None, Departure.CRASHED, cause)
    if node.runner is RunnerState.LIVE and age > policies.stale_ms:
        cause = f"no heartbeat for {age} ms, at most {policies.stale_ms}; {link}"
        return _runner(node, RunnerState.STALE, age, policies.stale_ms, None, cause)
    if node.runner is RunnerState.STALE and age > policies.loss_ms:
        cause = f"no heartbeat for {age} ms, at most {policies.loss_ms}; {link}"
        return _runner(node, RunnerState.LOST, age, policies.loss_ms, Departure.TIMED_OUT, cause)
    if node.runner is RunnerState.STALE and age <= policies.stale_ms:
        return _runner(node, RunnerState.LIVE, age, policies.stale_ms, None, f"heartbeats came back; {link}")
    return None


def _runner(
    node: NodeState, after: RunnerState, age: int, bound: int | None, departure: Departure | None, cause: str
) -> rec.RunnerChanged:
    return rec.RunnerChanged(
        node_id=node.node_id,
        before=node.runner,
        after=after,
        beat_age_ms=age,
        bound_ms=bound,
        departure=departure,
        cause=cause,
        head=node.head,
    )


def stale_or_lost_needs_replay(state: RunState, _: int) -> Word | None:
    """Past the stale bound the revision is replay_required for good; late work is only evidence."""
    if state.window is not W.ACTIVE and state.exit is not W.REPLAY_REQUIRED:
        return None
    for node in state.in_order:
        if not (node.was_stale or node.runner is RunnerState.LOST):
            continue
        if node.disposition is Disposition.PENDING:
            finding = rec.Finding(
                rule="heartbeat_within_stale_bound",
                expected=f"a heartbeat every {state.policies.stale_ms} ms at most",
                got=f"runner {_departed(node).value}",
            )
            return rec.ContributionJudged(
                node_id=node.node_id, disposition=Disposition.REPLAY_REQUIRED, findings=(finding,)
            )
        if not state.ended:
            reason = f"{node.node_id} was found {_departed(node).value}: {node.fell}. Its slice must be redone"
            return state.move(W.REPLAY_REQUIRED, reason)
    return None


def _departed(node: NodeState) -> RunnerState:
    return RunnerState.LOST if node.runner is RunnerState.LOST else RunnerState.STALE


def skew_is_judged(state: RunState, now_ms: int) -> Word | None:
    """Past 15 s the coordinator waits 15 s more so that late work is kept, then asks for a replay."""
    if state.window not in (W.ACTIVE, W.COLLECTING):
        return None
    arrived = {node.node_id: node.seen_at_ms for node in state.in_order if node.seen_at_ms is not None}
    if not arrived or (state.skew is not None and state.skew.outcome != "past_bound_waiting"):
        return None
    policies = state.policies
    first = min(arrived, key=lambda node_id: (arrived[node_id], node_id))
    missing = [node.node_id for node in state.in_order if node.node_id not in arrived]
    last = missing[0] if missing else max(arrived, key=lambda node_id: (arrived[node_id], node_id))
    skew = (now_ms if missing else arrived[last]) - arrived[first]
    fields = {"skew_ms": skew, "first": first, "last": last, "bound_ms": policies.skew_ms}
    if not missing:
        waited = state.skew is not None  # past the bound once is past it for good
        outcome = "within_bound" if skew <= policies.skew_ms and not waited else "wait_then_replay"
        return rec.SkewMeasured.model_validate({**fields, "outcome": outcome})
    if skew > policies.skew_ms + policies.skew_wait_ms:
        return rec.SkewMeasured.model_validate({**fields, "outcome": "wait_then_replay"})
    if skew > policies.skew_ms and state.skew is None:
        return rec.SkewMeasured.model_validate({**fields, "outcome": "past_bound_waiting"})
    return None


def skewed_window_waits_for_replay(state: RunState, _: int) -> Word | None:
    """The slower node is the quarantined one."""
    if state.skew is None or state.skew.outcome != "wait_then_replay" or state.ended:
        return None
    slow = state.nodes[state.skew.last]
    if slow.disposition is Disposition.PENDING:
        finding = rec.Finding(
            rule="skew_within_bound", expected=f"at most {state.skew.bound_ms} ms", got=f"{state.skew.skew_ms} ms"
        )
        return rec.ContributionJudged(node_id=slow.node_id, disposition=Disposition.QUARANTINED, findings=(finding,))
    return state.move(W.WAIT_THEN_REPLAY, f"{slow.node_id} was {state.skew.skew_ms} ms behind {state.skew.first}")
