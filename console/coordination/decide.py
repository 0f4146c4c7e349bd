"""The window's rules, pure: given what is true now, what must be decided next?

Each rule returns the record of one decision, or None. `RULES`, read from top to bottom, is the procedure; the
coordinator journals a decision, folds it, and asks again until nothing is left to decide.
"""

from collections.abc import Callable

from console.coordination.ending import closing, replay_is_weighed
from console.coordination.lateness import (
    runner_bounds,
    skew_is_judged,
    skewed_window_waits_for_replay,
    stale_or_lost_needs_replay,
)
from console.coordination.state import RunState
from runners.contract import coordinator_records as rec
from runners.contract.document import Word
from runners.contract.states import Disposition, ReplayOutcome, WindowState

Rule = Callable[[RunState, int], Word | None]
W = WindowState


def decide(state: RunState, now_ms: int) -> Word | None:
    """The next decision, or None when nothing is due at `now_ms` (coordinator's monotonic clock)."""
    if state.opened is None or state.closed:
        return None
    return next((decision for rule in RULES if (decision := rule(state, now_ms)) is not None), None)


def operator_stops(state: RunState, _: int) -> Word | None:
    """The operator's word ends any attempt; what exists is kept."""
    if state.stop_reason is None or state.ended:
        return None
    return state.move(W.ABORTED, state.stop_reason or "no reason given")


def trouble_ends_the_window(state: RunState, _: int) -> Word | None:
    """A refused, broken or failed node ends the attempt at once: no role is optional in a required set."""
    if state.ended:
        return None
    if state.trouble is not None:
        return state.move(state.trouble.exit, f"{state.trouble.reason}: {state.trouble.detail}")
    for node in state.in_order:
        if node.trouble is not None:
            return state.move(node.trouble.exit, f"{node.node_id}: {node.trouble.reason}: {node.trouble.detail}")
    return None


def admission_starts(state: RunState, _: int) -> Word | None:
    """A window exists as soon as its run is opened."""
    if state.window is not W.PLANNED:
        return None
    return state.move(W.ADMITTING, "hosts are brought up and admitted")


def preparation_starts(state: RunState, _: int) -> Word | None:
    """Nothing is shipped before every contributor is admitted and the plan is bound to their reports."""
    if state.window is not W.ADMITTING or state.plan is None or not state.every("admission"):
        return None
    return state.move(W.PREPARING, "all contributors admitted, plan and membership bound")


def preparation_overdue(state: RunState, now_ms: int) -> Word | None:
    """Preparing has its own, generous bound; the window's clocks don't run yet."""
    if state.window is not W.PREPARING:
        return None
    bound = state.policies.prepare_ms
    for node in state.in_order:
        started = node.launched_at_ms
        if started is None or node.trouble:
            continue
        if node.proven_dead:
            death = node.death or "its lock is free and its process gone"
            detail = f"the runner died before the window opened: {death}"
            return rec.PreparationFailed(node_id=node.node_id, reason="crashed", detail=detail)
        if not node.ready and now_ms - started > bound:
            detail = f"expected ready within {bound} ms of its launch, got nothing after {now_ms - started} ms"
            return rec.PreparationFailed(node_id=node.node_id, reason="prepare_timeout", detail=detail)
    return None


def window_opens(state: RunState, _: int) -> Word | None:
    """The clocks start when every required node has journaled ready, and not before."""
    if state.window is not W.PREPARING or state.begin_digest is None or not state.every("ready"):
        return None
    return state.move(W.ACTIVE, "every contributor is ready; the clocks run")


def collecting(state: RunState, _: int) -> Word | None:
    """Every contributor said that it is done; what it said is being fetched."""
    if state.window is not W.ACTIVE or not state.every("seen"):
        return None
    return state.move(W.COLLECTING, "every contributor produced")


def sealed(state: RunState, _: int) -> Word | None:
    """Nothing may be added after this."""
    if state.window is not W.COLLECTING or not state.every("submission") or state.skew is None:
        return None
    return state.move(W.SEALED, "every submission is received as journaled and as planned")


def validating(state: RunState, _: int) -> Word | None:
    """The validator does every slice again, its own backend's and the other's."""
    if state.window is not W.SEALED:
        return None
    return state.move(W.VALIDATING, "contributions are replayed")


def contributions_are_judged(state: RunState, _: int) -> Word | None:
    """Accepted means: done again by the validator, with the same outcome within the frozen bound."""
    if state.window is not W.VALIDATING:
        return None
    for node in state.in_order:
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
    if state.window is not W.VALIDATING or any(n.disposition is Disposition.PENDING for n in state.in_order):
        return None
    refused = [node for node in state.in_order if node.disposition is not Disposition.ACCEPTED]
    if not refused:
        return state.move(W.VALIDATED, "every contribution is accepted and replay-checked")
    names = ", ".join(node.node_id for node in refused)
    if any(node.disposition is Disposition.REJECTED for node in refused):
        return state.move(W.REJECTED, f"the replay disagrees with {names}")
    return state.move(W.ABORTED, f"the replay of {names} could not be done")


def aggregated(state: RunState, _: int) -> Word | None:
    """The merge exists; whether it is any good comes next."""
    if state.window is not W.VALIDATED or state.merged is None:
        return None
    return state.move(W.AGGREGATED, "deltas merged by rank stacking")


def promotion(state: RunState, _: int) -> Word | None:
    """Both ways, from evidence. Publication never follows by itself."""
    if state.window is not W.AGGREGATED or state.promotion is None:
        return None
    if state.promotion.disposition == "promoted":
        return state.move(W.PROMOTED, "every promotion gate passed")
    missing = ", ".join(gate.gate for gate in state.promotion.gates if not gate.passed)
    return state.move(W.HELD, f"held by {missing}")


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
