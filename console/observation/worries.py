"""What is the matter with a host while a window is open: the worst first, as a sentence with its bound."""

from console.observation.figures import bound as limit
from console.observation.figures import seconds
from console.observation.host_view import HostView
from console.observation.moment import Moment
from console.observation.state import State
from runners.contract.lane import Policies
from runners.contract.states import LinkState, RunnerState

Span = tuple[str, str]  # text, and the role of its colour in the theme
Sentence = tuple[Span, ...]  # role "key": the text is the id of what can be done


def worry(state: State, hosts: tuple[HostView, ...], moment: Moment) -> Sentence | None:
    """A way that is down is named before a runner that is silent (0070), and that one before one that stands (0053)."""
    if state.policies is None:
        return None
    found = (
        rule(view, state.policies, moment)
        for rule in (_gone, _no_way, _no_beat, _no_step)
        for view in hosts
        if view.host.submission is None or rule is _gone
    )
    return next((one for one in found if one is not None), None)


def silent(state: State, hosts: tuple[HostView, ...], moment: Moment) -> Sentence | None:
    """The window needs a replay already, and how a host departed isn't decided yet."""
    stale = next((view for view in hosts if view.host.runner.state is RunnerState.STALE), None)
    return None if stale is None or state.policies is None else _gone(stale, state.policies, moment)


def cut_off(hosts: tuple[HostView, ...], policies: Policies | None, moment: Moment) -> Sentence | None:
    """Before a window is open, a host that can't be reached is why nothing comes of it; no beat has a bound yet."""
    down = next((view for view in hosts if _is_down(view)), None)
    if policies is None or down is None:
        return None
    bound_ms = policies.contact_ms if down.host.launched is None else policies.prepare_ms
    return _way_down(down, moment, f" (bound {limit(bound_ms)})")


def _gone(view: HostView, policies: Policies, moment: Moment) -> Sentence | None:
    runner = view.host.runner
    if runner.state not in (RunnerState.STALE, RunnerState.LOST):
        return None
    since = "" if runner.since is None else f" since {seconds(moment.age_ms(runner.since))}"
    lost = f" · lost at {limit(policies.loss_ms)} without a beat" if runner.state is RunnerState.STALE else ""
    return (
        (view.host.node_id, "bright"),
        (f" is {runner.state.upper()}{since}", "bad"),
        (f": {runner.cause}", "text"),
        (" · ", "muted"),
        ("app.evidence", "key"),
        (" shows the record", "text"),
        (f"{lost} · the window needs a replay", "muted"),
    )


def _is_down(view: HostView) -> bool:
    return view.host.link.state is LinkState.DOWN and view.host.link.since is not None


def _no_way(view: HostView, policies: Policies, moment: Moment) -> Sentence | None:
    if not _is_down(view):
        return None
    age = view.beat_age_ms
    beat = "" if age is None else f" · its last beat is {seconds(age)} old (bound {limit(policies.stale_ms)})"
    return _way_down(view, moment, beat)


def _way_down(view: HostView, moment: Moment, more: str) -> Sentence:
    link = view.host.link
    since = "" if link.since is None else f" since {seconds(moment.age_ms(link.since))}"
    return (
        ("no way to ", "warn"),
        (view.host.node_id, "bright"),
        (since, "warn"),
        (f": {link.reason}", "text"),
        (more, "muted"),
    )


def _no_beat(view: HostView, policies: Policies, _: Moment) -> Sentence | None:
    if view.beat_age_ms is None or view.beat_age_ms < policies.stale_ms / 2:
        return None
    return (
        (view.host.node_id, "bright"),
        (f" has sent no beat for {seconds(view.beat_age_ms)}", "warn"),
        (f" (bound {limit(policies.stale_ms)}) · past it the window needs a replay", "muted"),
    )


def _no_step(view: HostView, _: Policies, __: Moment) -> Sentence | None:
    if view.idle_ms is None:
        return None
    return (
        (view.host.node_id, "bright"),
        (f" beats, and took no step for {seconds(view.idle_ms)}", "warn"),
        (" · ", "muted"),
        ("app.stop", "key"),
        (" stops the run", "text"),
        (" · no step has a bound, but the skew does", "muted"),
    )
