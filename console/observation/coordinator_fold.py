"""How the coordinator's records change what is known of a run."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from console.observation.line import Line
from console.observation.plain import plain
from console.observation.state import (
    Admission,
    Bound,
    Bringup,
    Doing,
    Drift,
    Host,
    Judgement,
    Link,
    OperatorAct,
    Outlook,
    Replay,
    Runner,
    State,
    StateChange,
    Submission,
    Trouble,
)
from runners.contract import coordinator_records as coord
from runners.contract.states import RunnerState

LINKS = 50  # changes of a link that are kept

StateFold = Callable[[State, Line, Any], State]
HostFold = Callable[[Host, Line, Any], Host]


def _unchanged(state: State, _: Line, __: Any) -> State:
    return state


def _about_host(change: HostFold) -> StateFold:
    """A fold of the whole state from one that touches only the host that the body names."""

    def folded(state: State, line: Line, body: Any) -> State:
        host = change(state.host(body.node_id) or Host(body.node_id), line, body)
        others = any(one.node_id == host.node_id for one in state.hosts)
        hosts = tuple(host if one.node_id == host.node_id else one for one in state.hosts)
        return replace(state, hosts=hosts if others else (*state.hosts, host))

    return folded


def _run_opened(state: State, line: Line, body: coord.RunOpened) -> State:
    known = {host.node_id: host for host in state.hosts}
    hosts = [replace(known.pop(card.node_id, Host(card.node_id)), card=card) for card in body.contributors]
    return replace(
        state,
        run_id=line.run_id,
        lane_id=body.lane_id,
        contract_digest=body.contract_digest,
        coordinator_node=line.node_id,
        operator_key=body.operator_public_key,
        coordinator_pid=body.pid,
        policies=body.policies,
        steps=body.steps,
        opened=line.at,
        hosts=(*hosts, *known.values()),
    )


def _epoch_opened(state: State, _: Line, body: coord.EpochOpened) -> State:
    return replace(state, coordinator_pid=body.pid, takeovers=state.takeovers + 1)


def _operator_acted(state: State, line: Line, body: coord.OperatorActed) -> State:
    act = OperatorAct(line.at.wall_ms, body.command, plain(body.reason, 120))
    return replace(state, acts=(*state.acts, act))


def _link_changed(host: Host, line: Line, body: coord.LinkChanged) -> Host:
    link = Link(body.state, plain(body.reason, 120), body.endpoint, body.rtt_ms, line.at)
    return replace(host, link=link, links=(*host.links, link)[-LINKS:])


def _bringup_received(host: Host, line: Line, body: coord.BringupReceived) -> Host:
    return replace(host, bringup=Bringup(line.at, line.ref, body), public_key=body.node_public_key)


def _bringup_refused(host: Host, line: Line, body: coord.BringupRefused) -> Host:
    return replace(host, bringup=Bringup(line.at, line.ref, body))


def _admission_decided(host: Host, line: Line, body: coord.AdmissionDecided) -> Host:
    detail = plain(body.detail, 200)
    decided = Admission(line.at, line.ref, body.outcome == "admitted", body.reason, detail, body.token_custody)
    return replace(host, admission=decided, public_key=body.node_public_key or host.public_key)


def _plan_bound(state: State, line: Line, body: coord.PlanBound) -> State:
    return replace(state, bound=Bound(line.at, line.ref, body.plan_digest, body.membership_digest))


def _drift_found(state: State, line: Line, body: coord.DriftFound) -> State:
    return replace(state, drift=Drift(line.at, line.ref, body)) if state.drift is None else state


def _replay_outlook(state: State, line: Line, body: coord.ReplayOutlook) -> State:
    return replace(state, outlook=Outlook(line.at, line.ref, body))


def _launched(host: Host, line: Line, body: coord.Launched) -> Host:
    host = replace(host, runner=Runner(RunnerState.PREPARING, line.at))
    if body.revision == host.launched_revision:
        return replace(host, launched=line.at)
    # A new revision is a new attempt: what was judged before belongs to the one before.
    return replace(
        host,
        launched_revision=body.revision,
        launched=line.at,
        ready=None,
        seen=None,
        submission=None,
        replay=None,
        judgement=None,
        trouble=None,
        released=False,
    )


def _runner_ready(host: Host, line: Line, _: coord.RunnerReady) -> Host:
    return replace(host, ready=line.at)


def _trouble(host: Host, line: Line, body: Any) -> Host:
    return replace(host, trouble=Trouble(line.at, line.ref, line.kind, body.reason, plain(body.detail, 200)))


def _window_opened(state: State, line: Line, _: coord.WindowOpened) -> State:
    # From here the coordinator holds every runner live, until it says otherwise by a record of its own.
    live = Runner(RunnerState.LIVE, line.at)
    hosts = tuple(replace(host, runner=live) for host in state.hosts)
    return replace(state, active_since=line.at, hosts=hosts)


def _runner_changed(host: Host, line: Line, body: coord.RunnerChanged) -> Host:
    gone = host.runner.gone
    if gone is None and body.after in (RunnerState.STALE, RunnerState.LOST):
        gone = (line.at, line.ref)
    return replace(host, runner=Runner(body.after, line.at, plain(body.cause, 200), body.departure, line.ref, gone))


def _observer_gap(state: State, _: Line, body: coord.ObserverGap) -> State:
    return replace(state, gaps_ms=(*state.gaps_ms, body.gap_ms)[-100:])


def _contribution_seen(host: Host, line: Line, _: coord.ContributionSeen) -> Host:
    return replace(host, seen=line.at)


def _submission_judged(host: Host, line: Line, body: coord.SubmissionJudged) -> Host:
    return replace(host, submission=Submission(line.at, line.ref, body))


def _skew_measured(state: State, _: Line, body: coord.SkewMeasured) -> State:
    return replace(state, skew=body)


def _checkpoint_kept(host: Host, _: Line, body: coord.CheckpointKept) -> Host:
    return replace(host, kept_step=body.checkpoint.step)


def _checkpoint_refused(host: Host, line: Line, body: coord.CheckpointRefused) -> Host:
    found = "; ".join(f"{item.rule}: expected {item.expected}, got {item.got}" for item in body.findings)
    return replace(host, trouble=Trouble(line.at, line.ref, "checkpoint_refused", body.reason, plain(found, 200)))


def _replay_judged(host: Host, line: Line, body: coord.ReplayJudged) -> Host:
    return replace(host, replay=Replay(line.at, line.ref, body))


def _contribution_judged(host: Host, line: Line, body: coord.ContributionJudged) -> Host:
    return replace(host, judgement=Judgement(line.at, line.ref, body))


def _scored(state: State, line: Line, body: coord.Scored) -> State:
    return replace(state, scores=body.scores, scored=line.at)


def _work_failed(state: State, _: Line, body: coord.WorkFailed) -> State:
    return replace(state, work_failed=plain(f"{body.activity}: {body.detail}", 200))


def _working(state: State, line: Line, body: coord.Working) -> State:
    """Work that says it is done still goes on until its outcome is journaled: capturing loads a model in between."""
    key = (body.activity, body.node_id)
    before = next((one for one in state.doing if (one.body.activity, one.body.node_id) == key), None)
    others = tuple(one for one in state.doing if one is not before)
    return replace(state, doing=(*others, Doing(body, before.since if before else line.at)))


def _shipped(state: State, _: Line, body: coord.Shipped) -> State:
    over = ("ship", body.node_id)
    return replace(state, doing=tuple(one for one in state.doing if (one.body.activity, one.body.node_id) != over))


def _inputs_prepared(state: State, _: Line, __: coord.InputsPrepared) -> State:
    return replace(state, doing=tuple(one for one in state.doing if one.body.activity not in ("capture", "cut")))


def _merged(state: State, _: Line, body: coord.Merged) -> State:
    return replace(state, merged=body)


def _promotion_decided(state: State, _: Line, body: coord.PromotionDecided) -> State:
    return replace(state, promotion=body)


def _window_changed(state: State, line: Line, body: coord.WindowChanged) -> State:
    change = StateChange(body.before, body.after, plain(body.reason, 200), line.at, line.ref)
    return replace(
        state, window=body.after, window_reason=change.reason, changes=(*state.changes, change)[-100:], doing=()
    )


def _released(host: Host, line: Line, body: coord.Released) -> Host:
    lost = host.runner.state is RunnerState.LOST
    runner = host.runner if lost or not body.proven_dead else Runner(RunnerState.EXITED, line.at)
    return replace(host, released=body.proven_dead, runner=runner)


def _closed(state: State, line: Line, body: coord.Closed) -> State:
    return replace(state, closed=body, closed_at=line.at)


COORDINATOR_FOLDS: dict[str, StateFold] = {
    "run_opened": _run_opened,
    "revision_opened": _unchanged,
    "epoch_opened": _epoch_opened,
    "recovered": _unchanged,
    "operator_acted": _operator_acted,
    "working": _working,
    "inputs_prepared": _inputs_prepared,
    "agent_started": _unchanged,
    "link_changed": _about_host(_link_changed),
    "directions_tested": _unchanged,
    "bringup_received": _about_host(_bringup_received),
    "bringup_refused": _about_host(_bringup_refused),
    "admission_decided": _about_host(_admission_decided),
    "plan_bound": _plan_bound,
    "drift_found": _drift_found,
    "shipped": _shipped,
    "launched": _about_host(_launched),
    "preparation_failed": _about_host(_trouble),
    "runner_ready": _about_host(_runner_ready),
    "window_opened": _window_opened,
    "runner_changed": _about_host(_runner_changed),
    "journal_broken": _about_host(_trouble),
    "observer_gap": _observer_gap,
    "checkpoint_kept": _about_host(_checkpoint_kept),
    "checkpoint_refused": _about_host(_checkpoint_refused),
    "contribution_seen": _about_host(_contribution_seen),
    "contributor_failed": _about_host(_trouble),
    "submission_judged": _about_host(_submission_judged),
    "quarantined": _unchanged,
    "skew_measured": _skew_measured,
    "replay_judged": _about_host(_replay_judged),
    "contribution_judged": _about_host(_contribution_judged),
    "scored": _scored,
    "work_failed": _work_failed,
    "merged": _merged,
    "promotion_decided": _promotion_decided,
    "window_changed": _window_changed,
    "replay_outlook": _replay_outlook,
    "released": _about_host(_released),
    "closed": _closed,
}
