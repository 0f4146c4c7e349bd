"""Why an act would be refused now, and what would enable it. Pure; one function an act. A reason has one line of 80
columns beside the key and its name: the run, which the header names, is `the run`."""

from collections.abc import Callable
from dataclasses import dataclass, field

from console.observation.figures import words
from console.observation.sentence import REPLAYABLE
from console.observation.state import State
from console.tui.key_names import KeyNames
from console.tui.view import Mode


@dataclass(frozen=True, slots=True)
class Standing:
    """What acts depend on."""

    mode: Mode
    run: str = ""  # the watched one
    live: str = ""  # a run that goes on here, watched or not
    asked: bool = False  # a run was asked for, and isn't there yet
    read_only: bool = False
    replaying: bool = False  # what is shown is a moment of the past
    busy: str = ""  # the long act that goes on
    ending: bool = False  # it was asked to end
    bundle: bool = False
    gone: str = ""  # why nothing of the watched run can be read any more
    here: bool = True  # the watched run is one of this machine's runs folder
    problem: bool = False  # is there a receipt to acknowledge?
    keys: KeyNames = field(default_factory=KeyNames)
    drill_problem: str = ""  # why the chosen lane can't be drilled here
    state: State = field(default_factory=State)


RETAINED = "a retained run; only a run of this machine can be gone on with"
Reason = Callable[[Standing], str | None]


def reason_against(binding_id: str | None, standing: Standing) -> str | None:
    """None when the act would work, or when the key is no act."""
    reason = REASONS.get(binding_id or "")
    if reason is None:
        return None
    if standing.read_only:
        return "this console only reads; `swarm console`, without --read-only, acts"
    if standing.replaying and binding_id not in ALSO_IN_THE_PAST:
        return f"what you see is not now; {standing.keys('replay.live')} goes back first"
    return reason(standing)


def _busy(standing: Standing) -> str | None:
    return f"{standing.busy} goes on; {standing.keys('app.cancel')} cancels it" if standing.busy else None


def _machine_is_free(standing: Standing) -> str | None:
    if standing.asked:
        return "a run is being started"
    if standing.live:
        if standing.live == standing.run and standing.mode is Mode.LIVE:
            return f"the run is going on and needs this machine; {standing.keys('app.stop')} stops it"
        return f"another run is going on and needs this machine; {standing.keys('place.viewer')} opens it"
    return _busy(standing)


def _go_live(standing: Standing) -> str | None:
    if standing.mode in (Mode.LIVE, Mode.STARTING):
        return f"the run is going on; {standing.keys('app.stop')} stops it first"
    return _machine_is_free(standing)


def _continue(standing: Standing) -> str | None:
    if not standing.run:
        return f"no run is watched; {standing.keys('place.viewer')} opens one"
    if standing.mode in (Mode.LIVE, Mode.STARTING):
        return "the run has a coordinator, which goes on by itself"
    if standing.mode is not Mode.LEFT:
        return f"the run is over; {standing.keys('app.start')} starts another run"
    if not standing.here:
        return RETAINED
    return _machine_is_free(standing)


def _stop(standing: Standing) -> str | None:
    if standing.mode is Mode.STARTING:
        return "the run is still starting"
    if standing.mode is Mode.LEFT:
        return f"no coordinator is alive to hear it; {standing.keys('app.continue')} starts a new one"
    if standing.mode is not Mode.LIVE and standing.live:
        return f"the run that is going on is not this one; {standing.keys('place.viewer')} opens it"
    return None if standing.mode is Mode.LIVE else f"no run is going on; {standing.keys('app.start')} starts one"


def _drill(standing: Standing) -> str | None:
    return _machine_is_free(standing) or standing.drill_problem or None


def _replay(standing: Standing) -> str | None:
    closed, policies = standing.state.closed, standing.state.policies
    if not standing.run:
        return f"no run is watched; {standing.keys('place.viewer')} opens one"
    if closed is None:
        return "the run is not over; a replay goes on from a closed bundle"
    if closed.classification not in REPLAYABLE:
        return f"only stale, lost, skewed slices are redone, not {words(closed.classification)}"
    if not standing.here:
        return RETAINED
    if policies is not None and standing.state.revision >= policies.max_revisions:
        return f"revision {standing.state.revision} is the lane's last; {standing.keys('app.start')} starts another run"
    return _machine_is_free(standing)


def _closed_bundle(standing: Standing) -> str | None:
    if not standing.run:
        return f"no run is watched; {standing.keys('place.viewer')} opens one"
    if standing.gone:
        return f"nothing of the run can be read any more: {standing.gone}"
    if not standing.bundle:
        return "the run has no bundle yet; it is written when it closes"
    return _busy(standing)


def _publish(standing: Standing) -> str | None:
    if (early := _closed_bundle(standing)) is not None:
        return early
    promotion = standing.state.promotion
    if promotion is None:
        ended = standing.state.closed.classification if standing.state.closed else ""
        return f"it ended as {words(ended) or 'nothing'}: no merge, so no gate was asked"
    missing = [gate for gate in promotion.gates if not gate.passed]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        return f"gate {words(missing[0].gate)} is missing: {missing[0].value}, {missing[0].threshold}{more}"
    return None if promotion.disposition == "promoted" else f"the merge is {promotion.disposition}, not promoted"


def _acknowledge(standing: Standing) -> str | None:
    return None if standing.problem else "there is no problem that was not acknowledged"


def _cancel(standing: Standing) -> str | None:
    if standing.ending:
        return f"{standing.busy} is ending already; it cleans up first"
    return None if standing.busy else "no drill, bring-up, audit, publication or check goes on"


REASONS: dict[str, Reason] = {
    "app.start": _go_live,
    "app.continue": _continue,
    "app.stop": _stop,
    "app.bring-up": _machine_is_free,
    "app.replay": _replay,
    "app.audit": _closed_bundle,
    "app.publish": _publish,
    "app.acknowledge": _acknowledge,
    "app.cancel": _cancel,
    "app.lane": _busy,
    "drill.stale": _drill,
    "drill.upload": _drill,
    "drill.loss": _drill,
    "drill.uneven": _drill,
    "app.checks": _busy,
}
ALSO_IN_THE_PAST = frozenset({"app.audit", "app.publish", "app.cancel", "app.lane", "app.checks"})
