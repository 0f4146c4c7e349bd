"""Who waits for whom: since when, out of how long, how far. One for each host, in every phase."""

from dataclasses import dataclass, replace

from console.coordination.bounds import release_ms
from console.observation.figures import bound, clock, seconds
from console.observation.host_view import HostView, passed_bringup
from console.observation.line import Ref, Stamp
from console.observation.moment import Moment
from console.observation.own_work import shipping
from console.observation.state import Judged, State
from runners.contract.lane import Policies
from runners.contract.states import LinkState, RunnerState, WindowState

COORDINATOR, VALIDATOR = "coordinator", "validator"


@dataclass(frozen=True, slots=True)
class Waiting:
    """`who` is empty where nobody waits; `bound_ms` is None where the lane has no bound for this. `next_turn`: there is
    nothing left to do but to decide, which a living coordinator does within a tenth of a second."""

    node_id: str  # the host that it is said of
    who: str
    whom: str
    what: str
    since: Stamp | None = None
    age_ms: int = 0
    bound_ms: int | None = None
    share: str = ""
    evidence: Ref | None = None
    next_turn: bool = False

    @property
    def text(self) -> str:
        """`coordinator waits for swarm-linux-a to be ready`."""
        return f"{self.who} waits for {self.whom} to {self.what}" if self.who else f"nobody waits: {self.what}"

    @property
    def measured(self) -> str:
        """`2.9 s of 60 s, since 08:14:40Z`; empty where nobody waits."""
        if not self.who or self.since is None:
            return ""
        if self.next_turn:
            limit = ", at its next turn"
        else:
            limit = ", no bound" if self.bound_ms is None else f" of {bound(self.bound_ms)}"
        return f"{seconds(self.age_ms)}{limit}, since {clock(self.since.wall_ms)}Z"


def waiting(state: State, hosts: tuple[HostView, ...], moment: Moment) -> tuple[Waiting, ...]:
    if state.policies is None:
        return ()  # nothing of the run is known yet
    return tuple(_Place(state, hosts, moment, view).waiting() for view in hosts)


Start = tuple[Stamp | None, Ref | None]  # since when, and the record that says so


@dataclass(frozen=True, slots=True)
class _Place:
    """One host among the others, at a moment."""

    state: State
    hosts: tuple[HostView, ...]
    moment: Moment
    view: HostView

    def waiting(self) -> Waiting:
        if self.state.closed is not None:
            return self._nobody("the run is closed")
        if self.moment.alive is False:
            return self._nobody("no coordinator is alive")
        match self.state.window:
            case WindowState.PLANNED | WindowState.ADMITTING:
                return self._admitting()
            case WindowState.PREPARING:
                return self._preparing()
            case WindowState.ACTIVE | WindowState.COLLECTING:
                return self._active()
            case _:
                return self._judging()

    def _admitting(self) -> Waiting:
        host, bounds = self.view.host, self._policies
        if host.link.state is LinkState.DOWN:
            return self._for_it("be reached again", (host.link.since, None), bounds.contact_ms)
        if host.bringup is None or not passed_bringup(host):
            return self._for_it("pass its bring-up gate", self._window, bounds.prepare_ms)
        if host.admission is None:
            return self._for_it("prove its admission", self._window, bounds.prepare_ms)
        start = _start(host.admission)
        for other in self.hosts:
            if other.host.admission is None:
                return self._it_for(other.host.node_id, "be admitted", start, bounds.prepare_ms)
        what = "prepare the inputs" if self.state.doing else "bind plan and membership"
        return self._it_for(COORDINATOR, what, start, bounds.prepare_ms)

    def _preparing(self) -> Waiting:
        host, bound_ms = self.view.host, self._policies.prepare_ms
        if host.link.state is LinkState.DOWN:
            within_ms = self._policies.contact_ms if host.launched is None else bound_ms
            return self._for_it("be reached again", (host.link.since, None), within_ms)
        if host.launched is None or host.runner.state is RunnerState.ABSENT:
            what = "ship its slice and launch its runner"
            return self._it_for(COORDINATOR, what, self._window, bound_ms, shipping(self.state, host.node_id))
        if host.ready is None:
            share = self.view.activity if host.work.phase else ""
            return self._for_it("be ready", (host.launched, None), bound_ms, share)
        for other in self.hosts:
            if other.host.ready is None:
                return self._it_for(other.host.node_id, "be ready", (host.ready, None), bound_ms)
        return self._it_for(COORDINATOR, "open the window", (host.ready, None), bound_ms)

    def _active(self) -> Waiting:
        """Who is done waits for who isn't, out of the skew's bound. Before that no clock runs but the heartbeat's."""
        host, bounds, began = self.view.host, self._policies, self.state.active_since
        if host.runner.state is RunnerState.LOST:
            return self._nobody(f"{host.node_id} is lost")
        if host.runner.state is RunnerState.STALE:
            return self._silent("beat again", bounds.loss_ms)
        if host.link.state is LinkState.DOWN and host.submission is None:
            if host.seen is not None:
                return self._for_it("be reached again", (host.link.since, None), bounds.fetch_ms)
            return self._silent("be reached again", bounds.stale_ms)
        if host.seen is not None:
            return self._done(host.seen)
        if host.work.began is None:
            return self._it_for(COORDINATOR, "let it begin", (began, None), bounds.contact_ms)
        first = min((one for one in self.hosts if one.host.seen), key=_seen, default=None)
        if first is None:
            return self._for_it("be done", (began, None), None, _steps(self.view))
        return self._behind(first, self.view)

    def _done(self, seen: Stamp) -> Waiting:
        host = self.view.host
        if host.submission is None:
            start = (seen, host.work.produced_ref)
            return self._it_for(COORDINATOR, "fetch and check its upload", start, self._policies.fetch_ms)
        for other in self.hosts:
            if other.host.seen is None and other.host.runner.state is not RunnerState.LOST:
                return self._behind(self.view, other)
        return self._turn("judge the uploads", _start(host.submission))

    def _behind(self, first: HostView, slow: HostView) -> Waiting:
        start = (first.host.seen, first.host.work.produced_ref)
        return self._wait(
            first.host.node_id, slow.host.node_id, "be done", start, self.state.skew_bound_ms, _steps(slow)
        )

    def _judging(self) -> Waiting:
        bounds = self._policies
        silent = next((one for one in (self.view, *self.hosts) if one.host.runner.state is RunnerState.STALE), None)
        if silent is self.view:
            return self._silent("beat again", bounds.loss_ms)
        if silent is not None:  # nobody is sent away before that is decided
            start, left_ms = (silent.host.runner.since, silent.host.runner.ref), bounds.loss_ms - bounds.stale_ms
            return self._it_for(COORDINATOR, f"decide how {silent.host.node_id} departed", start, left_ms)
        if _runs(self.view):
            return self._for_it("end its runner", self._ending, release_ms(bounds))
        match self.state.window:
            case WindowState.SEALED | WindowState.VALIDATING:
                return self._replaying()
            case WindowState.VALIDATED:
                return self._it_for(COORDINATOR, "merge the contributions", self._window, bounds.prepare_ms)
            case WindowState.AGGREGATED:
                return self._it_for(VALIDATOR, "score the merge", self._window, bounds.replay_ms)
            case _:
                return self._closing()

    def _closing(self) -> Waiting:
        """A run closes once no process of its own is left that could still write."""
        left = next((one for one in self.hosts if _runs(one)), None)
        if left is not None:
            return self._it_for(left.host.node_id, "end its runner", self._ending, release_ms(self._policies))
        return self._turn("close the run", self._ending)

    def _replaying(self) -> Waiting:
        """Several may be done at once or in turns; each counts from its own start."""
        whose = next((one for one in (self.view, *self.hosts) if one.host.replay is None), None)
        if whose is None:
            judged = self.view.host.replay
            return self._turn("judge the replays", _start(judged) if judged else self._window)
        works = (one for one in self.state.doing if one.body.activity == "replay")
        going = next((one for one in works if one.body.node_id == whose.host.node_id), None)
        start = (going.since, None) if going else self._window
        share = f"{going.body.done} of {going.body.total}" if going and going.body.total > 1 else ""
        work = "its work" if whose is self.view else f"the work of {whose.host.node_id}"
        return self._it_for(VALIDATOR, f"do {work} again", start, self._policies.replay_ms, share)

    # -- what they are made of

    @property
    def _policies(self) -> Policies:
        assert self.state.policies is not None
        return self.state.policies

    @property
    def _window(self) -> Start:
        return self.state.window_since, self.state.changes[-1].ref if self.state.changes else None

    @property
    def _ending(self) -> Start:
        """No runner is sent away before it is decided how a silent one departed."""
        gone = [one.host.runner for one in self.hosts if one.host.runner.state is RunnerState.LOST]
        starts = [self._window, *((runner.since, runner.ref) for runner in gone if runner.since is not None)]
        return max(starts, key=lambda start: start[0].wall_ms if start[0] else 0)

    def _turn(self, what: str, start: Start) -> Waiting:
        return replace(self._it_for(COORDINATOR, what, start, None), next_turn=True)

    def _silent(self, what: str, bound_ms: int) -> Waiting:
        """Since its last beat, by the console's clock: the runner's own may be another."""
        now, age = self.moment.now, self.view.beat_age_ms or 0
        start = (Stamp(now.wall_ms - age, now.mono_ms - age), self.view.host.work.beat_ref)
        return self._for_it(what, start, bound_ms)

    def _nobody(self, why: str) -> Waiting:
        return Waiting(self.view.host.node_id, "", "", why)

    def _for_it(self, what: str, start: Start, bound_ms: int | None, share: str = "") -> Waiting:
        return self._wait(COORDINATOR, self.view.host.node_id, what, start, bound_ms, share)

    def _it_for(self, whom: str, what: str, start: Start, bound_ms: int | None, share: str = "") -> Waiting:
        return self._wait(self.view.host.node_id, whom, what, start, bound_ms, share)

    def _wait(self, who: str, whom: str, what: str, start: Start, bound_ms: int | None, share: str) -> Waiting:
        since, ref = start
        age_ms = 0 if since is None else self.moment.age_ms(since)
        return Waiting(self.view.host.node_id, who, whom, what, since, age_ms, bound_ms, share, ref)


def _start(judged: Judged) -> Start:
    return judged.at, judged.ref


def _runs(view: HostView) -> bool:
    return view.host.runner.state in (RunnerState.PREPARING, RunnerState.LIVE)


def _seen(view: HostView) -> Stamp:
    return view.host.seen or Stamp(0, 0)


def _steps(view: HostView) -> str:
    return f"step {view.host.work.step} of {view.steps}"
