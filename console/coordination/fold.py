"""Records to state, live and after a restart alike. What isn't journaled here comes in beside it: a contributor's
heartbeats (arrivals.py), proof of death, and the credit for our own lateness."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from console.coordination.state import EXITS, SLOW_LOOP, NodeState, RunState, Trouble
from runners.contract import coordinator_records as rec
from runners.contract.document import Word
from runners.contract.states import Classification, Disposition, RunnerState, WindowState
from runners.records.machine_limits import is_limit


def fold(state: RunState, body: Word, at_ms: int) -> RunState:
    """`state` after the coordinator's record `body`; `at_ms` is the coordinator's monotonic clock."""
    step = STEPS.get(type(body))
    return state if step is None else step(state, body, at_ms)


def _run_opened(state: RunState, body: rec.RunOpened, _: int) -> RunState:
    return replace(state, opened=body, nodes={card.node_id: NodeState(card) for card in body.contributors})


def _revision_opened(state: RunState, body: rec.RevisionOpened, _: int) -> RunState:
    return replace(state, revision=body.revision)


def _troubled(state: RunState, node_id: str, trouble: Trouble, disposition: Disposition | None = None) -> RunState:
    """The first reason stays, and what is said after the end of an attempt is evidence, not a reason.

    A judgement that went against the contribution stays too: only a pending or an accepted one can still fall.
    """
    node = state.nodes[node_id]
    if node.trouble or state.ended:
        return state
    open_yet = node.disposition in (Disposition.PENDING, Disposition.ACCEPTED)
    after = disposition if disposition and open_yet else node.disposition
    return state.with_node(node_id, trouble=trouble, disposition=after)


def _operator_acted(state: RunState, body: rec.OperatorActed, _: int) -> RunState:
    state = replace(state, commands=state.commands | {body.command_id})
    return replace(state, stop_reason=body.reason) if body.command == "stop" and not state.ended else state


def _agent_started(state: RunState, body: rec.AgentStarted, _: int) -> RunState:
    return state.with_node(body.node_id, agent=body)


def _link_changed(state: RunState, body: rec.LinkChanged, _: int) -> RunState:
    return state.with_node(body.node_id, link=body.state, endpoint=body.endpoint)


def _inputs_prepared(state: RunState, _: rec.InputsPrepared, __: int) -> RunState:
    return replace(state, inputs_ready=True)


def _bringup_received(state: RunState, body: rec.BringupReceived, _: int) -> RunState:
    return state.with_node(body.node_id, bringup=body)


def _bringup_refused(state: RunState, body: rec.BringupRefused, _: int) -> RunState:
    trouble = Trouble(body.reason, body.detail, Classification.REFUSED_BRINGUP, WindowState.REFUSED)
    return _troubled(state, body.node_id, trouble)


def _admission_decided(state: RunState, body: rec.AdmissionDecided, _: int) -> RunState:
    state = state.with_node(body.node_id, admission=body)
    if body.outcome == "admitted":
        return state
    trouble = Trouble(body.reason, body.detail, Classification.REFUSED_ADMISSION, WindowState.REFUSED)
    return _troubled(state, body.node_id, trouble)


def _plan_bound(state: RunState, body: rec.PlanBound, _: int) -> RunState:
    return replace(state, plan=body)


def _drift_found(state: RunState, body: rec.DriftFound, _: int) -> RunState:
    first = body.findings[0]
    detail = f"{first.rule}: expected {first.expected}, got {first.got}"
    trouble = Trouble(f"drift of {body.document}", detail, Classification.CONTRACT_DRIFT, WindowState.ABORTED)
    return state if state.ended else replace(state, trouble=state.trouble or trouble)


def _shipped(state: RunState, body: rec.Shipped, _: int) -> RunState:
    return state.with_node(body.node_id, shipped=True)


def _launched(state: RunState, body: rec.Launched, at_ms: int) -> RunState:
    return state.with_node(
        body.node_id, launched=body, launched_at_ms=at_ms, runner=RunnerState.PREPARING, last_beat_ms=at_ms
    )


def _preparation_failed(state: RunState, body: rec.PreparationFailed, _: int) -> RunState:
    trouble = Trouble(body.reason, body.detail, Classification.FAILED_PREPARATION, WindowState.ABORTED)
    return _troubled(state, body.node_id, trouble)


def _runner_ready(state: RunState, body: rec.RunnerReady, at_ms: int) -> RunState:
    return state.with_node(body.node_id, ready=True, last_beat_ms=at_ms)


def _window_opened(state: RunState, body: rec.WindowOpened, at_ms: int) -> RunState:
    nodes = {
        node_id: replace(node, runner=RunnerState.LIVE, last_beat_ms=at_ms) for node_id, node in state.nodes.items()
    }
    return replace(state, begin_digest=body.begin_digest, nodes=nodes)


def _runner_changed(state: RunState, body: rec.RunnerChanged, at_ms: int) -> RunState:
    node = state.nodes[body.node_id]
    state = state.with_node(
        body.node_id,
        runner=body.after,
        departure=body.departure or node.departure,
        was_stale=node.was_stale or body.after is RunnerState.STALE,
        fell=node.fell or (body.cause if body.after in (RunnerState.STALE, RunnerState.LOST) else ""),
    )
    if body.beat_age_ms is None:
        return state
    # As old as it was when this was decided, so that a restart alone never looks like a heartbeat.
    return state.with_node(body.node_id, last_beat_ms=at_ms - body.beat_age_ms)


def _journal_broken(state: RunState, body: rec.JournalBroken, _: int) -> RunState:
    trouble = Trouble(body.reason, body.detail, Classification.REJECTED, WindowState.REJECTED)
    return _troubled(state, body.node_id, trouble, Disposition.QUARANTINED)


def _observer_gap(state: RunState, body: rec.ObserverGap, at_ms: int) -> RunState:
    """The coordinator's own lateness is taken off every age that it judges by. In a suspend its clock stood still."""
    state = replace(state, late_ms=state.late_ms + body.gap_ms)
    if body.cause != SLOW_LOOP:
        return state
    nodes = {node_id: _credited(node, body.gap_ms, at_ms) for node_id, node in state.nodes.items()}
    return replace(state, nodes=nodes)


def _epoch_opened(state: RunState, body: rec.EpochOpened, _: int) -> RunState:
    return replace(state, late_ms=state.late_ms + max(0, body.gap_ms))


def _credited(node: NodeState, credit_ms: int, at_ms: int) -> NodeState:
    def later(since_ms: int | None) -> int | None:
        return None if since_ms is None else min(since_ms + credit_ms, max(at_ms, since_ms))

    return replace(
        node,
        last_beat_ms=later(node.last_beat_ms),
        launched_at_ms=later(node.launched_at_ms),
        seen_at_ms=later(node.seen_at_ms),
    )


def _checkpoint_kept(state: RunState, body: rec.CheckpointKept, _: int) -> RunState:
    return state.with_node(body.node_id, kept=(*state.nodes[body.node_id].kept, body))


def _checkpoint_refused(state: RunState, body: rec.CheckpointRefused, _: int) -> RunState:
    first = body.findings[0] if body.findings else None
    detail = f"{first.rule}: expected {first.expected}, got {first.got}" if first else body.reason
    trouble = Trouble(body.reason, f"checkpoint after step {body.step}: {detail}"[:2000], Classification.REJECTED,
                      WindowState.REJECTED)  # fmt: skip
    return _troubled(state, body.node_id, trouble, Disposition.QUARANTINED)


def _contribution_seen(state: RunState, body: rec.ContributionSeen, at_ms: int) -> RunState:
    return state.with_node(body.node_id, seen=body, seen_at_ms=at_ms)


def _contributor_failed(state: RunState, body: rec.ContributorFailed, _: int) -> RunState:
    ends = Classification.REPLAY_REQUIRED if is_limit(body.reason) else Classification.FAILED_CONTRIBUTION
    trouble = Trouble(body.reason, body.detail, ends, WindowState.REPLAY_REQUIRED)
    return _troubled(state, body.node_id, trouble, Disposition.REPLAY_REQUIRED)


def _submission_judged(state: RunState, body: rec.SubmissionJudged, _: int) -> RunState:
    state = state.with_node(body.node_id, submission=body)
    if body.outcome == "received":
        return state
    first = body.findings[0] if body.findings else None
    detail = f"{first.rule}: expected {first.expected}, got {first.got}" if first else body.reason
    trouble = Trouble(body.reason, detail, Classification.REJECTED, WindowState.REJECTED)
    return _troubled(state, body.node_id, trouble, Disposition.REJECTED)


def _skew_measured(state: RunState, body: rec.SkewMeasured, _: int) -> RunState:
    return replace(state, skew=body)


def _replay_judged(state: RunState, body: rec.ReplayJudged, _: int) -> RunState:
    return state.with_node(body.node_id, replay=body)


def _contribution_judged(state: RunState, body: rec.ContributionJudged, _: int) -> RunState:
    return state.with_node(body.node_id, disposition=body.disposition)


def _work_failed(state: RunState, body: rec.WorkFailed, _: int) -> RunState:
    trouble = Trouble(f"{body.activity}_failed", body.detail, Classification.FAILED_VALIDATION, WindowState.ABORTED)
    return state if state.ended else replace(state, trouble=state.trouble or trouble)


def _merged(state: RunState, body: rec.Merged, _: int) -> RunState:
    return replace(state, merged=body)


def _scored(state: RunState, body: rec.Scored, _: int) -> RunState:
    return replace(state, scored=body)


def _promotion_decided(state: RunState, body: rec.PromotionDecided, _: int) -> RunState:
    return replace(state, promotion=body)


def _window_changed(state: RunState, body: rec.WindowChanged, _: int) -> RunState:
    ended = body.after if body.after in EXITS else state.exit
    return replace(state, window=body.after, reason=body.reason, exit=ended)


def _replay_outlook(state: RunState, body: rec.ReplayOutlook, _: int) -> RunState:
    return replace(state, outlook=body)


def _released(state: RunState, body: rec.Released, _: int) -> RunState:
    runner = state.nodes[body.node_id].runner
    if body.proven_dead and runner is not RunnerState.LOST:
        runner = RunnerState.EXITED
    return state.with_node(body.node_id, released=True, proven_dead=body.proven_dead, runner=runner)


def _closed(state: RunState, body: rec.Closed, _: int) -> RunState:
    return replace(state, classification=body.classification, reason=body.reason)


STEPS: dict[type[Word], Callable[[RunState, Any, int], RunState]] = {
    rec.RunOpened: _run_opened,
    rec.RevisionOpened: _revision_opened,
    rec.OperatorActed: _operator_acted,
    rec.AgentStarted: _agent_started,
    rec.LinkChanged: _link_changed,
    rec.InputsPrepared: _inputs_prepared,
    rec.BringupReceived: _bringup_received,
    rec.BringupRefused: _bringup_refused,
    rec.AdmissionDecided: _admission_decided,
    rec.PlanBound: _plan_bound,
    rec.DriftFound: _drift_found,
    rec.Shipped: _shipped,
    rec.Launched: _launched,
    rec.PreparationFailed: _preparation_failed,
    rec.RunnerReady: _runner_ready,
    rec.WindowOpened: _window_opened,
    rec.RunnerChanged: _runner_changed,
    rec.JournalBroken: _journal_broken,
    rec.ObserverGap: _observer_gap,
    rec.EpochOpened: _epoch_opened,
    rec.CheckpointKept: _checkpoint_kept,
    rec.CheckpointRefused: _checkpoint_refused,
    rec.ContributionSeen: _contribution_seen,
    rec.ContributorFailed: _contributor_failed,
    rec.SubmissionJudged: _submission_judged,
    rec.SkewMeasured: _skew_measured,
    rec.ReplayJudged: _replay_judged,
    rec.ContributionJudged: _contribution_judged,
    rec.WorkFailed: _work_failed,
    rec.Merged: _merged,
    rec.Scored: _scored,
    rec.PromotionDecided: _promotion_decided,
    rec.WindowChanged: _window_changed,
    rec.ReplayOutlook: _replay_outlook,
    rec.Released: _released,
    rec.Closed: _closed,
}
