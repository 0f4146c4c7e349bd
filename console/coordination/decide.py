"""The window's rules, pure: given what is true now, what must be decided next?

Each rule returns the record of one decision, or None. `RULES`, read from top to bottom, is the procedure; the
coordinator journals a decision, folds it, and asks again until nothing is left to decide.
"""

from collections.abc import Callable

from console.coordination.outlook import Ended, hindrances
from console.coordination.state import NodeState, RunState
from runners.contract import coordinator_records as rec
from runners.contract.document import Word
from runners.contract.lane import Policies
from runners.contract.states import (
    Classification,
    Departure,
    Disposition,
    ReplayOutcome,
    RunnerState,
    WindowState,
)

Rule = Callable[[RunState, int], Word | None]
W = WindowState


def decide(state: RunState, now_ms: int) -> Word | None:
    """The next decision, or None when nothing is due at `now_ms` (coordinator's monotonic clock)."""
    if state.opened is None or state.closed:
        return None
    return next((decision for rule in RULES if (decision := rule(state, now_ms)) is not None), None)


def _change(state: RunState, after: WindowState, reason: str) -> rec.WindowChanged:
    heads = tuple(node.head for node in _nodes(state) if node.head is not None)
    return rec.WindowChanged(before=state.window, after=after, reason=reason[:2000], heads=heads)


def _nodes(state: RunState) -> tuple[NodeState, ...]:
    return tuple(state.nodes[node_id] for node_id in sorted(state.nodes))


def _policies(state: RunState) -> Policies:
    assert state.opened is not None
    return state.opened.policies


def operator_stops(state: RunState, _: int) -> Word | None:
    """The operator's word ends any attempt; what exists is kept."""
    if state.stop_reason is None or state.ended:
        return None
    return _change(state, W.ABORTED, state.stop_reason or "no reason given")


def trouble_ends_the_window(state: RunState, _: int) -> Word | None:
    """A refused, broken or failed node ends the attempt at once: no role is optional in a required set."""
    if state.ended:
        return None
    if state.trouble is not None:
        return _change(state, state.trouble.exit, f"{state.trouble.reason}: {state.trouble.detail}")
    for node in _nodes(state):
        if node.trouble is not None:
            return _change(state, node.trouble.exit, f"{node.node_id}: {node.trouble.reason}: {node.trouble.detail}")
    return None


def admission_starts(state: RunState, _: int) -> Word | None:
    """A window exists as soon as its run is opened."""
    if state.window is not W.PLANNED:
        return None
    return _change(state, W.ADMITTING, "hosts are brought up and admitted")


def preparation_starts(state: RunState, _: int) -> Word | None:
    """Nothing is shipped before every contributor is admitted and the plan is bound to their reports."""
    if state.window is not W.ADMITTING or state.plan is None or not state.every("admission"):
        return None
    return _change(state, W.PREPARING, "all contributors admitted, plan and membership bound")


def preparation_overdue(state: RunState, now_ms: int) -> Word | None:
    """Preparing has its own, generous bound; the window's clocks don't run yet."""
    if state.window is not W.PREPARING:
        return None
    bound = _policies(state).prepare_ms
    for node in _nodes(state):
        started = node.launched_at_ms
        if started is None or node.trouble:
            continue
        if node.proven_dead:
            detail = "the runner died before the window opened: its lock is free and its process gone"
            return rec.PreparationFailed(node_id=node.node_id, reason="crashed", detail=detail)
        if not node.ready and now_ms - started > bound:
            detail = f"expected ready within {bound} ms of its launch, got nothing after {now_ms - started} ms"
            return rec.PreparationFailed(node_id=node.node_id, reason="prepare_timeout", detail=detail)
    return None


def window_opens(state: RunState, _: int) -> Word | None:
    """The clocks start when every required node has journaled ready, and not before."""
    if state.window is not W.PREPARING or state.begin_digest is None or not state.every("ready"):
        return None
    return _change(state, W.ACTIVE, "every contributor is ready; the clocks run")


def runner_bounds(state: RunState, now_ms: int) -> Word | None:
    """5 s, 7.5 s: on the age of the last received heartbeat, whatever the link does; death only when proven."""
    if state.window is not W.ACTIVE and state.exit is not W.REPLAY_REQUIRED:
        return None
    for node in _nodes(state):
        change = _runner_change(state, node, now_ms)
        if change is not None:
            return change
    return None


def _runner_change(state: RunState, node: NodeState, now_ms: int) -> Word | None:
    if not node.under_bounds or node.last_beat_ms is None:
        return None
    policies = _policies(state)
    age = now_ms - node.last_beat_ms
    link = f"its link is {node.link.value}"
    if node.proven_dead:
        cause = f"its lock is free and its process gone; {link}"
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
    for node in _nodes(state):
        if not (node.was_stale or node.runner is RunnerState.LOST):
            continue
        if node.disposition is Disposition.PENDING:
            finding = rec.Finding(
                rule="heartbeat_within_stale_bound",
                expected=f"a heartbeat every {_policies(state).stale_ms} ms at most",
                got=f"runner {_departed(node).value}",
            )
            return rec.ContributionJudged(
                node_id=node.node_id, disposition=Disposition.REPLAY_REQUIRED, findings=(finding,)
            )
        if not state.ended:
            reason = f"{node.node_id} was found {_departed(node).value}: {node.fell}. Its slice must be redone"
            return _change(state, W.REPLAY_REQUIRED, reason)
    return None


def _departed(node: NodeState) -> RunnerState:
    return RunnerState.LOST if node.runner is RunnerState.LOST else RunnerState.STALE


def skew_is_judged(state: RunState, now_ms: int) -> Word | None:
    """Past 15 s the coordinator waits 15 s more so that late work is kept, then asks for a replay."""
    if state.window not in (W.ACTIVE, W.COLLECTING):
        return None
    arrived = {node.node_id: node.seen_at_ms for node in _nodes(state) if node.seen_at_ms is not None}
    if not arrived or (state.skew is not None and state.skew.outcome != "past_bound_waiting"):
        return None
    policies = _policies(state)
    first = min(arrived, key=lambda node_id: (arrived[node_id], node_id))
    missing = [node.node_id for node in _nodes(state) if node.node_id not in arrived]
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
    return _change(state, W.WAIT_THEN_REPLAY, f"{slow.node_id} was {state.skew.skew_ms} ms behind {state.skew.first}")


def collecting(state: RunState, _: int) -> Word | None:
    """Every contributor said that it is done; what it said is being fetched."""
    if state.window is not W.ACTIVE or not state.every("seen"):
        return None
    return _change(state, W.COLLECTING, "every contributor produced")


def sealed(state: RunState, _: int) -> Word | None:
    """Nothing may be added after this."""
    if state.window is not W.COLLECTING or not state.every("submission") or state.skew is None:
        return None
    return _change(state, W.SEALED, "every submission is received as journaled and as planned")


def validating(state: RunState, _: int) -> Word | None:
    """The validator does every slice again, its own backend's and the other's."""
    if state.window is not W.SEALED:
        return None
    return _change(state, W.VALIDATING, "contributions are replayed")


def contributions_are_judged(state: RunState, _: int) -> Word | None:
    """Accepted means: done again by the validator, with the same outcome within the frozen bound."""
    if state.window is not W.VALIDATING:
        return None
    for node in _nodes(state):
        if node.replay is None or node.disposition is not Disposition.PENDING:
            continue
        if node.replay.outcome in (ReplayOutcome.EXACT, ReplayOutcome.WITHIN_TOLERANCE):
            return rec.ContributionJudged(node_id=node.node_id, disposition=Disposition.ACCEPTED, findings=())
        finding = rec.Finding(
            rule="replay_within_tolerance",
            expected=f"difference at most {node.replay.relative_bound:g}",
            got=f"{node.replay.outcome.value}: {node.replay.detail}"[:2000],
        )
        failed = node.replay.outcome is ReplayOutcome.FAILED
        disposition = Disposition.REPLAY_REQUIRED if failed else Disposition.REJECTED
        return rec.ContributionJudged(node_id=node.node_id, disposition=disposition, findings=(finding,))
    return None


def validation_ends(state: RunState, _: int) -> Word | None:
    """All required roles accepted, or no aggregation at all."""
    if state.window is not W.VALIDATING or any(n.disposition is Disposition.PENDING for n in _nodes(state)):
        return None
    refused = [node for node in _nodes(state) if node.disposition is not Disposition.ACCEPTED]
    if not refused:
        return _change(state, W.VALIDATED, "every contribution is accepted and replay-checked")
    names = ", ".join(node.node_id for node in refused)
    if any(node.disposition is Disposition.REJECTED for node in refused):
        return _change(state, W.REJECTED, f"the replay disagrees with {names}")
    return _change(state, W.ABORTED, f"the replay of {names} could not be done")


def aggregated(state: RunState, _: int) -> Word | None:
    """The merge exists; whether it is any good comes next."""
    if state.window is not W.VALIDATED or state.merged is None:
        return None
    return _change(state, W.AGGREGATED, "deltas merged by rank stacking")


def promotion(state: RunState, _: int) -> Word | None:
    """Both ways, from evidence. Publication never follows by itself."""
    if state.window is not W.AGGREGATED or state.promotion is None:
        return None
    if state.promotion.disposition == "promoted":
        return _change(state, W.PROMOTED, "every promotion gate passed")
    missing = ", ".join(gate.gate for gate in state.promotion.gates if not gate.passed)
    return _change(state, W.HELD, f"held by {missing}")


def replay_is_weighed(state: RunState, _: int) -> Word | None:
    """A contributor went: the last stop condition trips only where the same slices can't be done again."""
    if state.exit not in (W.REPLAY_REQUIRED, W.WAIT_THEN_REPLAY) or state.outlook is not None or not _all_gone(state):
        return None
    unproven = [node.node_id for node in _nodes(state) if node.may_run and not node.proven_dead]
    found = hindrances(Ended(classify(state), state.revision, _policies(state).max_revisions, unproven))
    return rec.ReplayOutlook(possible=not found, findings=found)


def _all_gone(state: RunState) -> bool:
    return not state.awaiting_bounds and not any(node.may_run and not node.released for node in _nodes(state))


def closing(state: RunState, _: int) -> Word | None:
    """A run closes once no process of its own is left that could still write."""
    if not state.ended or not _all_gone(state):
        return None
    if state.window is not W.CLOSED:
        return _change(state, W.CLOSED, state.reason)
    heads = tuple(node.head for node in _nodes(state) if node.head is not None)
    return rec.Closed(classification=classify(state), reason=state.reason, heads=heads)


def classify(state: RunState) -> Classification:
    """The verdict word of the whole run."""
    if state.exit in (W.HELD, W.PROMOTED):
        return Classification.BOUNDED_SUCCESS
    if state.stop_reason is not None and state.exit is W.ABORTED:
        return Classification.STOPPED_BY_OPERATOR
    trouble = next((each for each in (state.trouble, *(node.trouble for node in _nodes(state))) if each), None)
    if trouble is not None:
        return trouble.classification
    if state.exit is W.REPLAY_REQUIRED:
        return Classification.REPLAY_REQUIRED
    if state.exit is W.WAIT_THEN_REPLAY:
        return Classification.WAIT_THEN_REPLAY
    return Classification.REJECTED if state.exit is W.REJECTED else Classification.FAILED_VALIDATION


RULES: tuple[Rule, ...] = (
    operator_stops,
    trouble_ends_the_window,
    admission_starts,
    preparation_starts,
    preparation_overdue,
    window_opens,
    runner_bounds,
    stale_or_lost_needs_replay,
    skew_is_judged,
    skewed_window_waits_for_replay,
    collecting,
    sealed,
    validating,
    contributions_are_judged,
    validation_ends,
    aggregated,
    promotion,
    replay_is_weighed,
    closing,
)
