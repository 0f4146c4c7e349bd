"""The rows of the checks place, and of the list of runs."""

from datetime import UTC, datetime

from console.observation.conditions import Condition
from console.observation.figures import clock
from console.observation.line import Ref
from console.observation.runs import RunRef, RunStanding
from console.tui.drawing.stops import MARKS
from console.tui.drawing.text import Row, ends, pad, wrap
from console.tui.drawing.verified import verified_rows
from console.tui.view import Mode, View


def checks(view: View, width: int) -> tuple[tuple[Row, ...], tuple[Ref | None, ...]]:
    """Every stop condition, then the offline check; beside each row the record that `enter` opens, if any."""
    rows: list[Row] = [(("stop conditions", "bright*"), ("  enter opens the record that proves one", "muted"))]
    refs: list[Ref | None] = [None]
    if not view.snapshot.conditions:
        rows.append((("no run is watched: g starts one, 5 opens a retained one", "text"),))
    for condition in view.snapshot.conditions:
        drawn = _condition(condition, width)
        rows += drawn
        refs += [condition.evidence] * len(drawn)
    rows += [(), *_offline(view, width)]
    return tuple(rows), (*refs, *(None for _ in range(len(rows) - len(refs))))


def _offline(view: View, width: int) -> tuple[Row, ...]:
    head: Row = (("the bundle, from its files alone", "bright*"),)
    if view.bundle is None:
        why = "no run is watched" if view.mode is Mode.IDLE else "it is written when the run closes"
        return (head, (("× ", "muted"), (f"nothing to verify: {why}", "muted")))
    key: Row = (("  v", "bright*"), (" verifies it again" if view.verified else " verifies it", "muted"))
    command: Row = ((f"swarm check real-run --bundle {view.bundle}", "muted"),)
    return ((*head, *key), *verified_rows(view.verified, width), command)


def _condition(condition: Condition, width: int) -> tuple[Row, ...]:
    """Verdict, value against limit, margin; since when and by which record; the sentence."""
    glyph, role, word = MARKS[condition.verdict]
    limit = f" of {condition.limit}" if condition.limit else ""
    margin = f"  {condition.margin}" if condition.margin else ""
    head: Row = (
        (f"{glyph} {pad(word.upper(), 7)}", f"{role}*"),
        (pad(condition.label, 32), "text"),
        (f"{condition.value}{limit}", "bright"),
        (margin, role),
    )
    since = f"since {clock(condition.since.wall_ms)}Z  " if condition.since else ""
    place = f"{condition.evidence.file} #{condition.evidence.seq}" if condition.evidence else "no record yet"
    rest = [((f"        {line}", "muted"),) for line in wrap(condition.sentence, width - 9, 2)]
    return (head, *rest, ((f"        {since}", "muted"), (place, "digest" if condition.evidence else "muted")))


_STANDINGS = {
    RunStanding.LIVE: ("● LIVE", "ok"),
    RunStanding.CLOSED: ("■ CLOSED", "muted"),
    RunStanding.LEFT: ("? LEFT", "warn"),
}


def run_row(run: RunRef, width: int, *, marked: bool = False) -> Row:
    word, role = _STANDINGS[run.standing]
    changed = datetime.fromtimestamp(run.changed_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    kept = "bundle" if run.bundle else "no bundle"
    left: Row = (("◆ " if marked else "  ", "accent"), (pad(word, 10), role), (run.run_id, "text"))
    return ends(left, ((f"  {kept:<10}{changed}Z", "muted"),), width)
