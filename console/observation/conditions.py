"""The stop conditions of a live window, each as verdict, value against limit, evidence and a sentence."""

from dataclasses import dataclass
from enum import StrEnum

from console.observation.figures import bound as limit_of
from console.observation.figures import seconds, short, words
from console.observation.host_view import HostView, backend_word, passed_bringup
from console.observation.line import Ref, Stamp
from console.observation.state import State
from runners.contract.coordinator_records import BringupReceived
from runners.contract.states import RunnerState


class Verdict(StrEnum):
    CLEAR = "clear"
    OPEN = "open"
    NEAR = "near"
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
    margin: str = ""  # what is left until the limit


def conditions(state: State, hosts: tuple[HostView, ...]) -> tuple[Condition, ...]:
    """In the order of the runbook: a receipt of each host's gate, the frozen plan, the uploads, the contributors."""
    if state.opened is None:
        return ()
    return (*(_bringup(view) for view in hosts), _plan(state, hosts), _uploads(hosts), _present(state, hosts))


def _bringup(view: HostView) -> Condition:
    backend = backend_word(view.host.card.backend if view.host.card else "").split(".")[0]
    label = f"{view.short.capitalize()} emits its {'MLX' if backend == 'mlx' else backend} receipt"
    gate = view.host.bringup
    if gate is None:
        text = f"{view.host.node_id} has sent no bring-up report yet; the window can't begin without it"
        return Condition(f"bringup:{view.host.node_id}", label, view.short, Verdict.OPEN, "", "", None, None, text)
    good = passed_bringup(view.host)
    body = gate.body
    if isinstance(body, BringupReceived):
        value = short(body.report_digest) if good else words(body.disposition)
        why = f"report {short(body.report_digest)} on {body.device_label}: {words(body.disposition)}"
    else:
        value, why = words(body.reason), body.detail
    text = f"{view.host.node_id}: {why}"
    verdict = Verdict.CLEAR if good else Verdict.STOP
    return Condition(f"bringup:{view.host.node_id}", label, view.short, verdict, value, "", gate.at, gate.ref, text)


def _plan(state: State, hosts: tuple[HostView, ...]) -> Condition:
    label = "plan, membership as frozen"
    refused = next((v for v in hosts if v.host.admission and not v.host.admission.admitted), None)
    if refused and refused.host.admission:
        admission = refused.host.admission
        text = f"{refused.host.node_id} was refused: {admission.detail or words(admission.reason)}"
        value = words(admission.reason)
        return Condition("plan", label, "plan", Verdict.STOP, value, "", admission.at, admission.ref, text)
    if state.bound is None:
        text = "plan and membership are bound once every host is admitted"
        return Condition("plan", label, "plan", Verdict.OPEN, "", "", None, None, text)
    bound = state.bound
    text = f"plan {short(bound.plan_digest)} and membership {short(bound.membership_digest)} bind this run"
    return Condition("plan", label, "plan", Verdict.CLEAR, short(bound.plan_digest), "", bound.at, bound.ref, text)


def _uploads(hosts: tuple[HostView, ...]) -> Condition:
    label, total = "uploads match the plan", len(hosts)
    sent = [view for view in hosts if view.host.submission]
    for view in sent:
        submission = view.host.submission
        if submission and submission.body.outcome == "rejected":
            first = submission.body.findings[0] if submission.body.findings else None
            why = f": expected {first.expected}, got {first.got}" if first else ""
            text = f"{view.host.node_id}: {words(submission.body.reason)}{why}"
            return Condition(
                "uploads", label, "upload", Verdict.STOP, view.short, "", submission.at, submission.ref, text
            )
    count = f"{len(sent)} of {total}"
    last = max(
        (view.host.submission for view in sent if view.host.submission), key=lambda s: s.at.wall_ms, default=None
    )
    if last is None or len(sent) < total:
        text = f"{count} uploads are here, with bytes as journaled and the manifest as planned"
        return Condition("uploads", label, "upload", Verdict.OPEN, count, "", None, last.ref if last else None, text)
    text = "every upload arrived with bytes as journaled and the manifest as planned"
    return Condition("uploads", label, "upload", Verdict.CLEAR, count, "", last.at, last.ref, text)


def _present(state: State, hosts: tuple[HostView, ...]) -> Condition:
    label = "contributors present"
    for view in hosts:
        if view.host.runner.state in (RunnerState.STALE, RunnerState.LOST):
            return _absent(state, view, label)
        if view.host.trouble:
            trouble = view.host.trouble
            text = f"{view.host.node_id}: {words(trouble.reason)}; {trouble.detail}"
            return Condition("present", label, "present", Verdict.STOP, view.short, "", trouble.at, trouble.ref, text)
    if hosts and all(view.host.submission for view in hosts):
        text = "every contribution is here; nobody has to stay"
        return Condition("present", label, "present", Verdict.CLEAR, "all done", "", None, None, text)
    ages = [(view.beat_age_ms, view) for view in hosts if view.beat_age_ms is not None and not view.host.submission]
    if state.active_since is None or state.policies is None or not ages:
        text = "clocks run once every host is ready"
        return Condition("present", label, "present", Verdict.OPEN, "", "", None, None, text)
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


def _absent(state: State, view: HostView, label: str) -> Condition:
    runner = view.host.runner
    left = state.policies is not None and state.revision < state.policies.max_revisions
    then = "a replay in a new revision is possible" if left else "no replay is left"
    text = f"{view.host.node_id} is {runner.state}: {runner.cause}; {then}"
    return Condition("present", label, "present", Verdict.STOP, view.short, "", runner.since, runner.ref, text)
