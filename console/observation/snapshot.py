"""Everything the screens show, at one moment."""

from dataclasses import dataclass

from console.observation.conditions import Condition, Verdict, conditions
from console.observation.figures import short_names
from console.observation.host_view import HostView, host_view
from console.observation.line import Ref
from console.observation.moment import Moment
from console.observation.sentence import sentence
from console.observation.state import State
from console.observation.waiting import Waiting, waiting
from console.observation.worries import Sentence
from runners.contract.states import RunnerState


@dataclass(frozen=True, slots=True)
class Skew:
    """Live while one contributor is outstanding; then the coordinator's measured figure."""

    value_ms: int
    bound_ms: int
    waits_for: str | None
    measured: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    moment: Moment
    state: State
    hosts: tuple[HostView, ...]
    conditions: tuple[Condition, ...]
    sentence: Sentence
    waiting: tuple[Waiting, ...]
    skew: Skew | None
    in_state_ms: int
    records: int
    bad: int

    @property
    def names(self) -> dict[str, str]:
        return short_names(tuple(view.host.node_id for view in self.hosts))

    @property
    def worst(self) -> Condition | None:
        """The condition that matters most now; None when all are clear."""
        order = (Verdict.STOP, Verdict.REPLAY, Verdict.NEAR, Verdict.OPEN)
        return next((one for verdict in order for one in self.conditions if one.verdict is verdict), None)

    @property
    def cause(self) -> Ref | None:
        """The record on which the stop, or the call for a replay, rests."""
        worst = self.worst
        return worst.evidence if worst is not None and worst.verdict in (Verdict.STOP, Verdict.REPLAY) else None

    @property
    def worst_host(self) -> int:
        """The place of the host that is in the worst way; the first where none is in any."""
        badness = {"bad": 0, "warn": 1}
        return min(range(len(self.hosts)), key=lambda at: badness.get(self.hosts[at].badge.role, 2), default=0)

    def count(self, verdict: Verdict) -> int:
        return sum(condition.verdict is verdict for condition in self.conditions)


def snapshot(state: State, moment: Moment, *, bad: int = 0) -> Snapshot:
    """`bad`: records that report a fault, or journals that failed verification (the ring counts them)."""
    names = short_names(tuple(host.node_id for host in state.hosts))
    hosts = tuple(host_view(state, host, names[host.node_id], moment) for host in state.hosts)
    return Snapshot(
        moment=moment,
        state=state,
        hosts=hosts,
        conditions=conditions(state, hosts),
        sentence=sentence(state, hosts, moment),
        waiting=waiting(state, hosts, moment),
        skew=_skew(state, hosts),
        in_state_ms=_in_state(state, moment),
        records=state.records,
        bad=bad,
    )


def _in_state(state: State, moment: Moment) -> int:
    if state.closed_at is not None and state.opened is not None:
        return max(0, state.closed_at.wall_ms - state.opened.wall_ms)
    return 0 if state.window_since is None else moment.age_ms(state.window_since)


def _skew(state: State, hosts: tuple[HostView, ...]) -> Skew | None:
    if state.policies is None:
        return None
    bound = state.policies.skew_ms
    if state.skew is not None and state.skew.outcome != "past_bound_waiting":
        return Skew(state.skew.skew_ms, bound, None, measured=True)
    ages = [view.produced_age_ms for view in hosts if view.produced_age_ms is not None]
    out = [view for view in hosts if view.produced_age_ms is None]
    if not ages or not out or state.closed:
        return None
    if all(view.host.runner.state is RunnerState.LOST for view in out):
        return None
    return Skew(max(ages), bound, out[0].host.node_id, measured=False)
