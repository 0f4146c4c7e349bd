"""One sentence: who waits for whom, since when, out of how long, and what comes next."""

from typing import Literal

from console.observation.figures import bound as limit
from console.observation.figures import loss, seconds, size, with_short_digests, words
from console.observation.host_view import HostView, passed_bringup
from console.observation.last_word import why_no_next
from console.observation.moment import Moment
from console.observation.own_work import own_work, shipping
from console.observation.state import Doing, State
from console.observation.worries import Sentence, Span, cut_off, silent, worry
from runners.contract.states import Classification, Phase, RunnerState, WindowState

REPLAYABLE = (Classification.REPLAY_REQUIRED, Classification.WAIT_THEN_REPLAY)


def sentence(state: State, hosts: tuple[HostView, ...], moment: Moment) -> Sentence:
    if state.opened is None:
        return (("waiting for the coordinator's first record", "text"), (" · it is starting up", "muted"))
    if state.closed is not None:
        return _closed(state)
    if moment.kept:
        return _broken_off(state)
    if moment.alive is False:
        return _abandoned(state, moment)
    speaks = {
        WindowState.PLANNED: _admitting,
        WindowState.ADMITTING: _admitting,
        WindowState.PREPARING: _preparing,
        WindowState.ACTIVE: _active,
        WindowState.COLLECTING: _active,
    }.get(state.window, _judging)
    return speaks(state, hosts, moment)


def _abandoned(state: State, moment: Moment) -> Sentence:
    age = "" if state.last is None else f" for {seconds(moment.age_ms(state.last))}"
    log: Sentence = ((" · ", "muted"), ("app.pager", "key"), (" shows its log", "text"))
    why = moment.last_word
    if why_no_next(why):
        return (
            ("no coordinator can go on", "bad"),
            (f": {why_no_next(why)}", "text"),
            *log,
            (" · ", "muted"),
            ("app.continue", "key"),
            (" tries again once that is mended", "text"),
        )
    return (
        ("no coordinator is alive", "bad"),
        (age, "muted"),
        *(((f": {why}", "text"),) if why else ()),
        (" · ", "muted"),
        ("app.continue", "key"),
        (" continues the run", "text"),
        *(log if why else ()),
    )


def _broken_off(state: State) -> Sentence:
    return (
        ("its records break off", "bad"),
        (f" in window {words(state.window)}: nothing after that could be verified", "text"),
        (" · ", "muted"),
        ("receipts.next", "key"),
        (" shows where", "text"),
    )


def _since(state: State, moment: Moment) -> str:
    return "" if state.window_since is None else f" since {seconds(moment.age_ms(state.window_since))}"


def _bound(state: State, name: Literal["prepare_ms", "fetch_ms", "replay_ms"]) -> str:
    """Out of how long."""
    return "" if state.policies is None else f" (bound {limit(getattr(state.policies, name))})"


def _own_work(doing: Doing, moment: Moment) -> Sentence:
    """What the coordinator itself does: of what, since when, how far."""
    verb, share = own_work(doing)
    since = f"coordinator {verb} since {seconds(moment.age_ms(doing.since))}"
    return ((since, "text"), (f" · {share}" if share else "", "bright"))


def _admitting(state: State, hosts: tuple[HostView, ...], moment: Moment) -> Sentence:
    if (down := cut_off(hosts, state.policies, moment)) is not None:
        return down
    gated = [view for view in hosts if not (view.host.bringup and passed_bringup(view.host))]
    asked = [view for view in hosts if view.host.admission is None]
    if state.doing:
        out = (gated or asked)[:1]
        also = f" · {out[0].host.node_id} is at its gate" if out else ""
        bound = _bound(state, "prepare_ms")
        return (*_own_work(state.doing[-1], moment), (f"{bound}{also} · nothing to do", "muted"))
    if gated or asked:
        view, what = (gated[0], "pass its gate") if gated else (asked[0], "be admitted")
        return (
            ("coordinator waits for ", "text"),
            (view.host.node_id, "bright"),
            (f" to {what}{_since(state, moment)}", "text"),
            (f"{_bound(state, 'prepare_ms')} · nothing to do", "muted"),
        )
    text = "coordinator binds plan and membership" if state.bound is None else "coordinator ships slices and launches"
    bound = _bound(state, "prepare_ms")
    return ((text, "text"), (_since(state, moment), "text"), (f"{bound} · nothing to do", "muted"))


def _preparing(state: State, hosts: tuple[HostView, ...], moment: Moment) -> Sentence:
    if (down := cut_off(hosts, state.policies, moment)) is not None:
        return down
    waiting = [view for view in hosts if view.host.ready is None]
    if not waiting:
        last = max((view.host.ready for view in hosts if view.host.ready), default=None)
        age = "" if last is None else f" since {seconds(moment.age_ms(last))}"
        opens = f" · coordinator opens the window{_bound(state, 'prepare_ms')}"
        return ((f"every host is ready{age}", "text"), (opens, "muted"))
    view = waiting[-1]
    bound = _bound(state, "prepare_ms")
    if view.host.launched is None or view.host.runner.state is RunnerState.ABSENT:
        share = shipping(state, view.host.node_id)
        return (
            ("coordinator ships to and launches ", "text"),
            (view.host.node_id, "bright"),
            (_since(state, moment), "text"),
            (f"{bound}{f' · {share}' if share else ''} · nothing to do", "muted"),
        )
    start = view.host.launched or state.window_since
    since = "" if start is None else f" since {seconds(moment.age_ms(start))}"
    done = len(hosts) - len(waiting)
    stage = f" · {view.activity}" if view.host.work.phase else ""
    return (
        ("coordinator waits for ", "text"),
        (view.host.node_id, "bright"),
        (f" to be ready{since}", "text"),
        (f"{bound} · {done} of {len(hosts)} ready{stage}", "muted"),
    )


def _active(state: State, hosts: tuple[HostView, ...], moment: Moment) -> Sentence:
    if (found := worry(state, hosts, moment)) is not None:
        return found
    out = [view for view in hosts if view.host.seen is None]
    done = [view for view in hosts if view.host.seen is not None]
    if not out:
        last = min(view.produced_age_ms or 0 for view in done)
        text = f"coordinator fetches and checks the uploads since {seconds(last)}"
        return ((text, "text"), (f"{_bound(state, 'fetch_ms')} · every contributor is done · nothing to do", "muted"))
    slow = max(out, key=lambda view: view.left_ms or 0)
    rest = _pace(slow)
    if not done:
        step = f"step {slow.host.work.step} of {slow.steps}"
        return (
            (f"{len(out)} hosts train" if len(out) > 1 else "one host trains", "text"),
            (" · last is ", "muted"),
            (slow.host.node_id, "bright"),
            (f" at {step}{rest}", "muted"),
        )
    first = max(done, key=lambda view: view.produced_age_ms or 0)
    bound = "" if state.skew_bound_ms is None else f" (bound {limit(state.skew_bound_ms)})"
    return (
        (f"{first.host.node_id} is done and waits for ", "text"),
        (slow.host.node_id, "bright"),
        (f" since {seconds(first.produced_age_ms or 0)}", "text"),
        (f"{bound}{rest}", "muted"),
    )


def _pace(view: HostView) -> str:
    if view.host.work.phase is Phase.WRITING:
        return " · writing its upload · nothing to do"
    if view.left_ms is None or view.steps_per_second is None:
        return " · nothing to do"
    return f" · about {seconds(view.left_ms)} left · {view.steps_per_second:.0f} steps/s · nothing to do"


def _judging(state: State, hosts: tuple[HostView, ...], moment: Moment) -> Sentence:
    since = _since(state, moment)
    match state.window:
        case WindowState.SEALED | WindowState.VALIDATING:
            view = next((one for one in hosts if one.host.replay is None), None)
            if view is None:
                return ((f"coordinator judges the replays{since}", "text"), (" · nothing to do", "muted"))
            return _replaying(state, hosts, view, moment)
        case WindowState.VALIDATED:
            bound = _bound(state, "prepare_ms")
            return ((f"coordinator merges the contributions{since}", "text"), (f"{bound} · nothing to do", "muted"))
        case WindowState.AGGREGATED:
            text, bound = f"validator scores the merge on held-out samples{since}", _bound(state, "replay_ms")
            return ((text, "text"), (f"{bound} · nothing to do", "muted"))
        case WindowState.PROMOTED | WindowState.HELD:
            return (
                ("the merge is ", "text"),
                (state.window.value, "bright"),
                (" · coordinator writes the bundle" + since, "muted"),
            )
        case _ if (found := silent(state, hosts, moment)) is not None:
            return found
        case _:
            return (
                (f"window is {words(state.window)}", "bad"),
                (f": {with_short_digests(state.window_reason)}", "text"),
                (" · ", "muted"),
                ("app.evidence", "key"),
                (" shows the record", "text"),
                (" · coordinator keeps what there is", "muted"),
            )


def _replaying(state: State, hosts: tuple[HostView, ...], view: HostView, moment: Moment) -> Sentence:
    bound = _bound(state, "replay_ms")
    going = {one.body.node_id: one.body for one in state.doing if one.body.activity == "replay"}
    out = {one.host.node_id: one.short for one in hosts if one.host.replay is None}
    works = [going[node_id] for node_id in out if node_id in going]  # in the order of the panels
    shares = [f"{out[one.node_id or '']} {one.done} of {one.total}" for one in works if one.total > 1]
    began = max((one.host.replay.at for one in hosts if one.host.replay), key=lambda at: at.wall_ms, default=None)
    since = _since(state, moment) if began is None or len(works) > 1 else f" since {seconds(moment.age_ms(began))}"
    who = " and ".join(out[one.node_id or ""] for one in works) if len(works) > 1 else view.host.node_id
    told = "".join(f" · {share}" for share in shares)
    return (
        ("validator does the work of ", "text"),
        (who, "bright"),
        (f" again{since}", "text"),
        (f"{bound}{told} · nothing to do", "muted"),
    )


def _closed(state: State) -> Sentence:
    assert state.closed is not None
    good = state.closed.classification is Classification.BOUNDED_SUCCESS
    word = words(state.closed.classification)
    verdict: Span = (f"{'✓' if good else '✗'} {word}", "ok" if good else "bad")
    if not good:
        again = state.closed.classification in REPLAYABLE and (
            state.policies is None or state.revision < state.policies.max_revisions
        )
        after: Sentence = ((" · ", "muted"), ("app.replay", "key"), (" does the slices again", "text")) if again else ()
        proof: Sentence = ((" · ", "muted"), ("app.evidence", "key"), (" shows the proof", "text"))
        return (verdict, (f": {with_short_digests(state.closed.reason)}", "text"), *proof, *after)
    return (verdict, *_merge_span(state))


def _merge_span(state: State) -> Sentence:
    scores = {score.subject: score.mean_loss for score in state.scores}
    base, merge = scores.get("base"), scores.get("merge")
    standing = f" · {state.promotion.disposition}" if state.promotion else ""
    if base is None or merge is None:
        return ((standing, "text"),)
    better = "beats" if merge < base else "does not beat"
    return (
        (standing, "text"),
        (f" · merge {loss(merge)} {better} base {loss(base)} held-out", "text"),
        (f" by {abs(base - merge):.3f}", "bright"),
    )


def kept(state: State) -> tuple[str, ...]:
    """What a stop keeps, in sentences."""
    done = [host.node_id for host in state.hosts if host.submission]
    arrived = f"uploads that arrived: {', '.join(done)}" if done else "no upload has arrived yet"
    bytes_here = sum(host.submission.body.size_bytes for host in state.hosts if host.submission)
    return (
        f"all {state.records} journal records so far, signed and chained",
        f"{arrived}{f' ({size(bytes_here)})' if bytes_here else ''}",
        "bring-up reports, admission receipts, the plan",
    )
