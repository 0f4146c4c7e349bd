"""The bounds in force, and how far each is used up now."""

from console.observation.figures import bound, seconds
from console.observation.snapshot import Snapshot
from console.tui.drawing.text import Row, pad, wrap
from console.tui.view import View

_WAITED = {"be ready": "prepare", "be reached again": "contact", "fetch and check its upload": "fetch",
           "do its work again": "replay", "score the merge": "replay"}  # fmt: skip


def thresholds(view: View, width: int) -> tuple[Row, ...]:
    policies = view.snapshot.state.policies
    if policies is None:
        return ((("  no run is watched", "muted"),),)
    named = (
        ("heartbeat", bound(policies.heartbeat_ms), "between two signs of life"),
        ("stale", bound(policies.stale_ms), "without a beat: the revision needs a replay"),
        ("lost", bound(policies.loss_ms), "without a beat: the contributor has departed"),
        ("skew", bound(policies.skew_ms), "between the contributors' uploads"),
        ("skew wait", bound(policies.skew_wait_ms), "more for the slower one, then a replay"),
        ("contact", bound(policies.contact_ms), "for a host that can't be reached"),
        ("prepare", bound(policies.prepare_ms), "for one host to be ready"),
        ("fetch", bound(policies.fetch_ms), "for an upload to come"),
        ("replay", bound(policies.replay_ms), "for the validator to do one contribution again"),
        ("revisions", str(policies.max_revisions), "attempts after the first at one run's slices"),
    )
    now = _now(view.snapshot)
    rows: list[Row] = []
    for name, limit, what in named:
        used = f"now {now[name]}" if name in now else ""
        head: Row = ((f"  {pad(name, 11)}", "text"), (pad(limit, 8), "bright"), (pad(used, 13), "accent"))
        lines = wrap(what, width - 34, 3)
        rows += [(*(head if not at else ((" " * 34, ""),)), (line, "muted")) for at, line in enumerate(lines)]
    return tuple(rows)


def _now(shot: Snapshot) -> dict[str, str]:
    """The worst of all hosts; what nobody waits for has no value."""
    now: dict[str, str] = {}
    beats = [view.beat_age_ms for view in shot.hosts if view.beat_age_ms is not None]
    if beats:
        now |= dict.fromkeys(("heartbeat", "stale", "lost"), seconds(max(beats)))
    if shot.skew is not None:
        now["skew"] = seconds(shot.skew.value_ms)
    for wait in sorted(shot.waiting, key=lambda one: one.age_ms):
        bounded = _WAITED.get(wait.what, "")
        limit = getattr(shot.state.policies, f"{bounded}_ms", None)
        if limit is not None and limit == wait.bound_ms:  # the same act may wait out of another bound
            now[bounded] = seconds(wait.age_ms)
    if shot.state.revision >= 0:
        now["revisions"] = f"r{shot.state.revision}"
    return now
