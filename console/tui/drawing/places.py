"""Places that later work fills: what they will hold, and what works today from the command line."""

from datetime import UTC, datetime

from console.observation.conditions import Condition
from console.observation.figures import clock
from console.observation.runs import RunRef, RunStanding
from console.tui.drawing.stops import MARKS
from console.tui.drawing.text import Row, ends, pad, wrap
from console.tui.view import View

DRILLS = (
    ("stale_worker", "silent past 5 s: the window needs a replay"),
    ("upload_disagreement", "not as planned: rejected, quarantined"),
    ("contributor_loss", "lost at 7.5 s: its slice needs a replay"),
    ("uneven_worker_speed", "past 15 s of skew: wait, then replay"),
)


def drills() -> tuple[Row, ...]:
    rows: list[Row] = [(("drills", "bright*"), ("  rehearsed faults with a promised outcome", "muted")), ()]
    rows += [(("Not built yet. ", "warn"), ("Here these will run, on a scratch run of their own:", "text")), ()]
    for key, (name, what) in zip(("F5", "F6", "F7", "F8"), DRILLS, strict=True):
        rows.append(((f"  {key}  ", "muted"), (pad(name, 22), "text"), (what, "muted")))
    rows += [(), (("Today: ", "muted"), ("1 shows stale, lost and skew of a live run as they happen.", "text"))]
    return tuple(rows)


def checks(view: View, width: int) -> tuple[Row, ...]:
    """Every stop condition with value, limit, since and evidence; then the offline check."""
    rows: list[Row] = [
        (("checks", "bright*"), ("  stop conditions, and the offline check of the bundle", "muted")),
        (),
    ]
    if not view.snapshot.conditions:
        rows.append((("no run is watched: g starts one, 5 opens a retained one", "text"),))
    for condition in view.snapshot.conditions:
        rows += [*_condition(condition, width), ()]
    path = view.bundle or "PATH"
    rows += [
        ((f"swarm check real-run --bundle {path}", "bright"),),
        (
            (
                "recomputes digests, chains, signatures and the merge; --reexecute trains again",
                "muted",
            ),
        ),
        (("Showing its findings here is not built yet.", "warn"),),
    ]
    return tuple(rows)


def _condition(condition: Condition, width: int) -> tuple[Row, ...]:
    glyph, role, word = MARKS[condition.verdict]
    limit = f" of {condition.limit}" if condition.limit else ""
    since = f"  since {clock(condition.since.wall_ms)}Z" if condition.since else ""
    where = f"  {condition.evidence.file} #{condition.evidence.seq}" if condition.evidence else ""
    head: Row = (
        (f"{glyph} {pad(word.upper(), 6)}", f"{role}*"),
        (pad(condition.label, 30), "text"),
        (f"{condition.value}{limit}", "bright"),
        (since, "muted"),
    )
    rest = [((f"         {line}", "muted"),) for line in wrap(condition.sentence, width - 9, 2)]
    return (head, *rest, *([((f"         evidence{where}", "digest"),)] if where else []))


_STANDINGS = {
    RunStanding.LIVE: ("● LIVE", "ok"),
    RunStanding.CLOSED: ("■ CLOSED", "muted"),
    RunStanding.LEFT: ("? LEFT", "warn"),
}


def run_row(run: RunRef, width: int) -> Row:
    word, role = _STANDINGS[run.standing]
    changed = datetime.fromtimestamp(run.changed_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    kept = "bundle" if run.bundle else "no bundle"
    return ends(((pad(word, 10), role), (run.run_id, "text")), ((f"  {kept:<10}{changed}Z", "muted"),), width)
