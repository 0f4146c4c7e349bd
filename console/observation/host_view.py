"""One host as the operator should see it at a moment."""

from dataclasses import dataclass

from console.observation.figures import seconds, short, size, words
from console.observation.moment import Moment
from console.observation.state import Host, State
from runners.contract.coordinator_records import BringupReceived
from runners.contract.states import Disposition, LinkState, Phase, RunnerState


@dataclass(frozen=True, slots=True)
class Badge:
    """Status is always all three: glyph, word, colour (by the name of its role in the theme)."""

    glyph: str
    word: str
    role: str


@dataclass(frozen=True, slots=True)
class HostView:
    host: Host
    short: str
    badge: Badge
    activity: str
    link: Badge
    last: Badge
    beat_age_ms: int | None  # None: nothing to wait for
    produced_age_ms: int | None
    steps: int
    idle_ms: int | None = None  # how long it has beaten in training without a step, where that is too long

    @property
    def roles(self) -> tuple[str, ...]:
        return self.host.card.roles if self.host.card else ()

    @property
    def steps_per_second(self) -> float | None:
        step_ms = self.host.work.step_ms
        return 1000 / step_ms if step_ms else None

    @property
    def left_ms(self) -> float | None:
        """Time that the rest of the steps takes at the speed of the last one."""
        work = self.host.work
        if work.phase is not Phase.TRAINING or not work.step_ms:
            return None
        return max(0, self.steps - work.step) * work.step_ms

    @property
    def computes_on(self) -> str:
        """The device label that really computed; before that, the one of the bring-up report; then the plan's."""
        if self.host.work.device_label:
            return self.host.work.device_label
        if self.host.bringup and isinstance(self.host.bringup.body, BringupReceived):
            return self.host.bringup.body.device_label
        return "not observed"

    @property
    def on_card(self) -> bool:
        """It computes on an accelerator, so that something may be told of one."""
        return self.host.work.accelerator is not None or self.computes_on.startswith(("cuda:", "metal:"))

    @property
    def backend(self) -> str:
        label = ""
        if self.host.bringup and isinstance(self.host.bringup.body, BringupReceived):
            label = self.host.bringup.body.backend_label
        return backend_word(label or (self.host.card.backend if self.host.card else ""))


def backend_word(label: str) -> str:
    """`open_adapter_backend.torch.cpu.gpt_oss_lm_head` is read as `torch.cpu`."""
    parts = [part for part in label.split(".") if part not in ("open_adapter_backend", "gpt_oss_lm_head")]
    return ".".join(parts) or "unknown"


def host_view(state: State, host: Host, name: str, moment: Moment) -> HostView:
    age, idle_ms = _beat_age(state, host, moment), _idle(state, host)
    return HostView(
        host=host,
        short=name,
        badge=_badge(state, host, age, idle_ms, moment),
        activity=_activity(host),
        link=_link(host),
        last=_last(host),
        beat_age_ms=age,
        produced_age_ms=None if host.seen is None else moment.age_ms(host.seen),
        steps=host.work.steps or state.steps,
        idle_ms=idle_ms,
    )


def _beat_age(state: State, host: Host, moment: Moment) -> int | None:
    if state.closed or moment.alive is False or host.work.arrival_ms is None or host.work.exited:
        return None
    if host.runner.state is RunnerState.EXITED:
        return None
    return max(0, moment.now.mono_ms - host.work.arrival_ms)


_SAID = {
    RunnerState.STALE: Badge("!", "STALE", "bad"),
    RunnerState.LOST: Badge("✗", "LOST", "bad"),
    RunnerState.EXITED: Badge("■", "EXITED", "muted"),
}


def _badge(state: State, host: Host, age: int | None, idle_ms: int | None, moment: Moment) -> Badge:
    """STALE, LOST and EXITED are never our own conclusion: they come from the coordinator's record alone."""
    if host.runner.state in _SAID:
        return _SAID[host.runner.state]
    if host.runner.state is RunnerState.ABSENT:
        return _absent(host)
    if state.closed is not None:
        return Badge("■", "RELEASED", "muted") if host.released else Badge("?", "END NOT PROVEN", "warn")
    if moment.alive is False:
        return Badge("?", "NOT WATCHED", "warn")
    if host.runner.state is RunnerState.PREPARING:
        return Badge("◌", "PREPARING", "accent")
    if idle_ms is not None:
        return Badge("▲", f"NO STEP {seconds(idle_ms)}", "warn")
    live = _live(age, state.policies.stale_ms if state.policies else None)
    return Badge("~", "GRACE", "warn") if live.word == "LIVE" and _in_grace(state, host) else live


def _idle(state: State, host: Host) -> int | None:
    """Alive is not progressing: it beats, and for longer than the stale bound and four of its steps took none."""
    work = host.work
    if work.phase is not Phase.TRAINING or work.last_beat is None or work.progressed is None or state.policies is None:
        return None
    idle = work.last_beat.mono_ms - work.progressed.mono_ms  # both of the runner's own clock
    return idle if idle > max(state.policies.stale_ms, 4 * (work.step_ms or 0)) else None


def _in_grace(state: State, host: Host) -> bool:
    """Past the skew's bound the coordinator waits once more for who is still out."""
    return state.skew is not None and state.skew.outcome == "past_bound_waiting" and host.seen is None


def _live(age: int | None, stale: int | None) -> Badge:
    """The coordinator says LIVE; the countdown to its bound is counted here."""
    if age is None or stale is None or age < stale / 2:
        return Badge("●", "LIVE", "ok")
    if age < stale:
        return Badge("▲", f"STALE IN {seconds(stale - age)}", "warn")
    return Badge("▲", f"NO BEAT {seconds(age)}", "warn")


def _absent(host: Host) -> Badge:
    refused = host.admission is not None and not host.admission.admitted
    if refused or (host.bringup and not passed_bringup(host)):
        return Badge("✗", "REFUSED", "bad")
    if host.trouble:
        return Badge("✗", "FAILED", "bad")
    if host.link.state is LinkState.DOWN:
        return Badge("=", "LINK DOWN", "warn")
    if host.link.state is LinkState.UNKNOWN and host.bringup is None:
        return Badge("?", "NO DATA", "muted")
    return Badge("○", "NO RUNNER YET", "muted")


def passed_bringup(host: Host) -> bool:
    body = host.bringup.body if host.bringup else None
    return isinstance(body, BringupReceived) and body.disposition == "ready_to_attempt"


def _activity(host: Host) -> str:
    """The newest that is known: first what was judged, then what the runner says, then how far its start is."""
    return _judged(host) or _done(host) or _working(host) or _starting(host)


def _judged(host: Host) -> str:
    if host.judgement and host.judgement.body.disposition is not Disposition.PENDING:
        how = f", replay {words(host.replay.body.outcome)}" if host.replay else ""
        return f"{words(host.judgement.body.disposition)}{how}"
    return f"replay {words(host.replay.body.outcome)}" if host.replay else ""


def _done(host: Host) -> str:
    if host.submission:
        return "done, fetched" if host.submission.body.outcome == "received" else "submission rejected"
    if host.trouble:
        return words(host.trouble.reason)
    if host.work.failed:
        return host.work.failed
    return "done, not fetched yet" if host.seen or host.work.phase is Phase.PRODUCED else ""


def _working(host: Host) -> str:
    work = host.work
    if work.phase is Phase.READY:
        return "ready, may begin" if work.began else "ready, waits to begin"
    if work.phase is Phase.PREPARING and work.stage:
        at = f"{words(work.stage)} {_share(work.stage_done, work.stage_total, work.stage_unit)}"
    else:
        at = work.phase.value if work.phase else ""
    return f"ended in {at}" if at and host.runner.state is RunnerState.EXITED else at


def _starting(host: Host) -> str:
    if host.launched:
        return "runner launched"
    if host.admission:
        return "admitted" if host.admission.admitted else words(host.admission.reason)
    if host.bringup:
        return "bring-up passed" if passed_bringup(host) else words(_refusal(host))
    return "bring-up gate" if host.link.state is LinkState.UP else "connecting"


def _refusal(host: Host) -> str:
    body = host.bringup.body if host.bringup else None
    if body is None:
        return ""
    return body.disposition if isinstance(body, BringupReceived) else body.reason


def _share(done: int, total: int, unit: str) -> str:
    """How far, and of how much."""
    if total <= 0:
        return size(done) if unit == "bytes" and done else ""
    of = f"{size(done)} of {size(total)}" if unit == "bytes" else f"{done} of {total}"
    return of if total > 1 else ""


def _link(host: Host) -> Badge:
    local = host.card is not None and host.card.transport == "local"
    if local:
        return Badge("", "local", "ok")
    match host.link.state:
        case LinkState.UP:
            return Badge("", "ssh up", "ok")
        case LinkState.DOWN:
            return Badge("=", "LINK DOWN", "warn")
        case _:
            return Badge("?", "not observed", "muted")


def _last(host: Host) -> Badge:
    if host.judgement and host.judgement.body.disposition is not Disposition.ACCEPTED:
        body = host.judgement.body
        why = f" {body.findings[0].rule}" if body.findings else ""
        return Badge("✗", f"{words(body.disposition)}{why}", "bad")
    if host.submission is None:
        return Badge("○", "nothing submitted yet", "muted")
    sent = host.submission.body
    if sent.outcome == "rejected":
        return Badge("✗", f"rejected {words(sent.reason)}", "bad")
    text = f"fetched {size(sent.size_bytes)} {short(sent.adapter_sha256)}"
    return Badge("✓", text, "ok")
