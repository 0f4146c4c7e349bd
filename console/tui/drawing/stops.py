"""Stop conditions and skew: a checklist where there is room, one line where there isn't."""

from console.observation.conditions import Condition, Verdict
from console.observation.figures import bound
from console.tui.drawing.box import box, keyed
from console.tui.drawing.gauges import bounded
from console.tui.drawing.text import Row, ends, fill, labelled, row_width, wrap
from console.tui.view import View

MARKS = {
    Verdict.CLEAR: ("●", "ok", "clear"),
    Verdict.OPEN: ("○", "muted", "open"),
    Verdict.NEAR: ("▲", "warn", "near"),
    Verdict.REPLAY: ("»", "warn", "replay"),
    Verdict.STOP: ("✗", "bad", "stop"),
}
ALARMED = (Verdict.NEAR, Verdict.REPLAY, Verdict.STOP)


def checklist(view: View, width: int, height: int) -> tuple[Row, ...]:
    """Exactly `height` rows: the conditions, the skew, and the sentence of the one that matters most."""
    inner = width - 4
    rows = [_condition(condition, inner) for condition in view.snapshot.conditions]
    if not rows:
        rows = [(("judged once a run goes on", "muted"),)]
    why = _why(view, inner)
    room = height - 3 - len(why)
    rows = [*rows[:room], *(() for _ in range(room - len(rows))), _skew(view, inner), *why]
    return box(keyed(view.keys("place.checks"), "stop conditions"), tuple(rows), width, height, note=_count(view))


def _count(view: View) -> str:
    counts = ((verdict, view.snapshot.count(verdict)) for verdict in Verdict)
    return " · ".join(f"{count} {MARKS[verdict][2]}" for verdict, count in counts if count)


def _condition(condition: Condition, width: int) -> Row:
    glyph, role, word = MARKS[condition.verdict]
    alarmed = condition.verdict in ALARMED
    label = (condition.label, f"{role}*" if alarmed else "text")
    limit = f" of {condition.limit}" if condition.margin else ""
    value = condition.value or word
    value_role = role if alarmed else "digest" if "·" in value else "text" if condition.value else "muted"
    return ends(((f"{glyph} ", role), label), ((value, value_role), (limit, "muted")), width)


def _skew(view: View, width: int) -> Row:
    skew, policies = view.snapshot.skew, view.snapshot.state.policies
    gauge = max(6, width - 6 - 14)
    if skew is None:
        limit = bound(policies.skew_ms) if policies else ""
        return labelled("skew", (("─" * gauge, "line"), (f" of {limit}" if limit else "", "muted")), width)
    role = "accent" if skew.measured else "warn"
    if skew.value_ms >= skew.bound_ms:
        role = "bad"
    value = ((f" {skew.value_ms / 1000:.1f}", "bright"), (f" of {bound(skew.bound_ms)}", "muted"))
    return labelled("skew", (*bounded(skew.value_ms, (skew.bound_ms,), gauge, role), *value), width)


def _why(view: View, width: int) -> tuple[Row, ...]:
    """The sentence of the condition that matters most, in at most two lines."""
    worst = view.snapshot.worst
    clear = "all clear" if view.snapshot.conditions else "nothing is watched"
    text = worst.sentence if worst else clear
    lines = wrap(text, width - 6, 2)
    return tuple(labelled("" if place else "why", ((line, "text"),), width) for place, line in enumerate(lines))


def strip(view: View, width: int) -> tuple[Row, ...]:
    """One line: skew against its bound, and every condition as glyph and word."""
    skew, policies = view.snapshot.skew, view.snapshot.state.policies
    row: list[tuple[str, str]] = [(" skew ", "muted")]
    if skew is not None:
        role = "bad" if skew.value_ms >= skew.bound_ms else "accent" if skew.measured else "warn"
        row += bounded(skew.value_ms, (skew.bound_ms,), 12, role)
        row += [(f" {skew.value_ms / 1000:.1f}", "bright"), (f" of {bound(skew.bound_ms)}", "muted")]
    else:
        row += [("─" * 12, "line"), (f"  of {bound(policies.skew_ms)}" if policies else " none", "muted")]
    if not view.snapshot.conditions:
        return (fill(tuple(row), width),)
    row += [(" " * max(1, 31 - row_width(tuple(row))), ""), ("stop ", "muted")]
    for condition in view.snapshot.conditions:
        glyph, role, _ = MARKS[condition.verdict]
        alarmed = condition.verdict in ALARMED
        row += [(f"{glyph} ", role), (f"{condition.short}  ", role if alarmed else "text")]
    row[-1] = (row[-1][0].rstrip(), row[-1][1])
    return (fill(tuple(row), width),)
