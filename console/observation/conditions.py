"""The five stop conditions of a live window, each as verdict, value against limit, since when, evidence and a sentence.

STOP is said exactly where a record ends the attempt for good. A contributor that is gone while its slice
can be done again is no stop: REPLAY.
"""

from dataclasses import dataclass
from enum import StrEnum

from console.coordination.outlook import Ended, hindrances
from console.observation.figures import bound as limit_of
from console.observation.figures import seconds, short, words
from console.observation.host_view import HostView, backend_word, passed_bringup
from console.observation.line import Ref, Stamp
from console.observation.plain import plain
from console.observation.state import Drift, State
from runners.contract.coordinator_records import BringupReceived, Finding
from runners.contract.states import Classification, RunnerState
from runners.records.machine_limits import is_limit

# What next, where a condition stops the attempt for good.
MEND_HOST = "mend that on the host and bring it up again: this window can't begin"
PROVE_AGAIN = "give that host the lane's token; another run asks it anew"
BEGIN_ANEW = "what lay there is in quarantine; another run begins from the frozen documents"
OTHER_RUN = "what came is in quarantine; another run is needed"


class Verdict(StrEnum):
    CLEAR = "clear"
    OPEN = "open"
    NEAR = "near"
    REPLAY = "replay"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Condition:
    key: str
    label: str
    short: str
    verdict: Verdict
    value: str
    limit: str
    since: Stamp | None
    evidence: Ref | None
    sentence: str
    margin: str = ""  # what is left until the limit; only where value and limit are of one measure


def conditions(state: State, hosts: tuple[HostView, ...]) -> tuple[Condition, ...]:
    """In the order of the runbook: a receipt of each host's gate, the frozen plan, the uploads, the contributors."""
    if state.opened is None:
        return ()
    return (
        *(_bringup(state, view) for view in hosts),
        _plan(state, hosts),
        _uploads(state, hosts),
        _present(state, hosts),
    )


def _bringup(state: State, view: HostView) -> Condition:
    backend = backend_word(view.host.card.backend if view.host.card else "").split(".")[0]
    backend = "MLX" if backend == "mlx" else backend
    key, label = f"bringup:{view.host.node_id}", f"{view.short.capitalize()} emits its {backend} receipt"
    limit = f"a ready {backend} receipt"
    gate = view.host.bringup
    if gate is None:
        text = f"{view.host.node_id} has sent no bring-up report yet; the window can't begin without it"
        return Condition(key, label, view.short, Verdict.OPEN, "", limit, state.opened, None, text)
    good = passed_bringup(view.host)
    body = gate.body
    if isinstance(body, BringupReceived):
        value = short(body.report_digest) if good else words(body.disposition)
        why = f"report {short(body.report_digest)} on {body.device_label}: {words(body.disposition)}"
        why += "" if good else "".join(f", {plain(reason, 200)}" for reason in body.reasons[:2])
    else:
        value, why = words(body.reason), body.detail
    text = f"{view.host.node_id}: {why}" + ("" if good else f"; {MEND_HOST}")
    verdict = Verdict.CLEAR if good else Verdict.STOP
    return Condition(key, label, view.short, verdict, value, limit, gate.at, gate.ref, text)


def _plan(state: State, hosts: tuple[HostView, ...]) -> Condition:
    label, limit = "plan, membership as frozen", "the frozen topology"
    if state.drift is not None:
        return _drifted(state.drift, label)
    refused = next((v for v in hosts if v.host.admission and not v.host.admission.admitted), None)
    if refused and refused.host.admission:
        admission = refused.host.admission
        text = f"{refused.host.node_id} was refused: {admission.detail or words(admission.reason)}; {PROVE_AGAIN}"
        value = words(admission.reason)
        return Condition("plan", label, "plan", Verdict.STOP, value, limit, admission.at, admission.ref, text)
    if state.bound is None:
        text = "plan and membership are bound once every host is admitted"
        return Condition("plan", label, "plan", Verdict.OPEN, "", limit, state.opened, None, text)
    bound = state.bound
    text = f"plan {short(bound.plan_digest)} and membership {short(bound.membership_digest)} bind this run"
    return Condition("plan", label, "plan", Verdict.CLEAR, short(bound.plan_digest), limit, bound.at, bound.ref, text)


def _drifted(drift: Drift, label: str) -> Condition:
    first = drift.body.findings[0]
    text = (
        f"{words(drift.body.document)} drifted: {first.rule}: expected {first.expected}, got {first.got}; {BEGIN_ANEW}"
    )
    value, limit = f"{words(drift.body.document)} drifted", first.expected
    return Condition("plan", label, "plan", Verdict.STOP, value, limit, drift.at, drift.ref, text)


def _uploads(state: State, hosts: tuple[HostView, ...]) -> Condition:
    label, total = "uploads match the plan", len(hosts)
    limit = f"{total} as planned"
    sent = [view for view in hosts if view.host.submission]
    for view in hosts:
        if refused := _refused_upload(view, label):
            return refused
    count = f"{len(sent)} of {total}"
    last = max(
        (view.host.submission for view in sent if view.host.submission), key=lambda s: s.at.wall_ms, default=None
    )
    if last is None or len(sent) < total:
        text = f"{count} uploads are here, with bytes as journaled and the manifest as planned"
        since, ref = (last.at, last.ref) if last else (state.opened, None)
        return Condition("uploads", label, "upload", Verdict.OPEN, count, limit, since, ref, text)
    text = "every upload arrived with bytes as journaled and the manifest as planned"
    return Condition("uploads", label, "upload", Verdict.CLEAR, count, limit, last.at, last.ref, text)


def _refused_upload(view: HostView, label: str) -> Condition | None:
    """Not what plan and journal say: a submission, a checkpoint, or a journal that broke."""
    submission, trouble = view.host.submission, view.host.trouble
    if submission and submission.body.outcome == "rejected":
        first = submission.body.findings[0] if submission.body.findings else None
        why = f": expected {first.expected}, got {first.got}" if first else ""
        text = f"{view.host.node_id}: {words(submission.body.reason)}{why}; {OTHER_RUN}"
        limit = first.expected if first else "as planned"
        return Condition(
            "uploads", label, "upload", Verdict.STOP, view.short, limit, submission.at, submission.ref, text
        )
    if trouble and trouble.kind in ("checkpoint_refused", "journal_broken"):
        text, limit = (
            f"{view.host.node_id}: {words(trouble.reason)}; {trouble.detail}; {OTHER_RUN}",
            "as journaled and planned",
        )
        return Condition("uploads", label, "upload", Verdict.STOP, view.short, limit, trouble.at, trouble.ref, text)
    return None


def _present(state: State, hosts: tuple[HostView, ...]) -> Condition:
    label = "contributors present"
    if gone := _gone(state, hosts, label):
        return gone
    if hosts and all(view.host.submission for view in hosts):
        text = "every contribution is here; nobody has to stay"
        last = max((view.host.submission for view in hosts if view.host.submission), key=lambda one: one.at.wall_ms)
        return Condition("present", label, "present", Verdict.CLEAR, "all done", "", last.at, last.ref, text)
    ages = [(view.beat_age_ms, view) for view in hosts if view.beat_age_ms is not None and not view.host.submission]
    if state.active_since is None or state.policies is None or not ages:
        text = "clocks run once every host is ready"
        limit = limit_of(state.policies.stale_ms) if state.policies else ""
        return Condition("present", label, "present", Verdict.OPEN, "", limit, state.opened, None, text)
    age, view = max(ages, key=lambda pair: pair[0])
    stale = state.policies.stale_ms
    near = age >= stale / 2
    text = f"{view.short}'s last beat is {seconds(age)} old; past {limit_of(stale)} the window needs a replay"
    verdict = Verdict.NEAR if near else Verdict.CLEAR
    value, limit, left = f"{age / 1000:.1f}", f"{stale / 1000:.1f} s", f"{max(0.0, (stale - age) / 1000):.1f} s left"
    evidence = view.host.work.beat_ref
    return Condition(
        "present", label, "present", verdict, value, limit, state.active_since, evidence, text, margin=left
    )


def _gone(state: State, hosts: tuple[HostView, ...], label: str) -> Condition | None:
    """A contributor that departed or failed. It stops the attempt for good only where no replay is possible."""
    for view in hosts:
        runner, trouble = view.host.runner, view.host.trouble
        if runner.state in (RunnerState.STALE, RunnerState.LOST):
            text = f"{view.host.node_id} is {runner.state}: {runner.cause}"
            since, ref = runner.gone or (runner.since, runner.ref)
            failed = False
        elif trouble and trouble.kind in ("preparation_failed", "contributor_failed"):
            text = f"{view.host.node_id}: {words(trouble.reason)}; {trouble.detail}"
            since, ref = trouble.at, trouble.ref
            failed = trouble.kind == "preparation_failed" or not is_limit(trouble.reason)
        else:
            continue
        found = _hindrances(state, failed=failed)
        then = (
            f"; no replay: {found[0].rule}, expected {found[0].expected}, got {found[0].got}; another run is needed"
            if found
            else ""
        )
        verdict = Verdict.STOP if found else Verdict.REPLAY
        text += then or "; a replay in a new revision is possible"
        if found and state.outlook is not None:  # then it is that record which ends the attempt for good
            since, ref = state.outlook.at, state.outlook.ref
        limit = "a possible replay"
        return Condition("present", label, "present", verdict, view.short, limit, since, ref, text)
    return None


def _hindrances(state: State, *, failed: bool) -> tuple[Finding, ...]:
    """The coordinator's word, once it has said it; until then by its own rule, as far as it can be known."""
    if state.outlook is not None:
        return state.outlook.body.findings
    if state.policies is None:
        return ()
    ends = Classification.FAILED_CONTRIBUTION if failed else Classification.REPLAY_REQUIRED
    return hindrances(Ended(ends, max(0, state.revision), state.policies.max_revisions))
