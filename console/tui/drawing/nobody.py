"""Where hosts would be while there is none: what failed last or how the last run ended, and what one can do now."""

from console.observation.figures import clock, with_short_digests, words
from console.observation.plain import plain
from console.observation.runs import RunRef, RunStanding
from console.tui.drawing.box import box
from console.tui.drawing.places import changed, standing
from console.tui.drawing.text import Row, ends, pad, wrap
from console.tui.view import LogEntry, Mode, View

OWN_LANE = "loopback"  # the one that needs no other machine


def nobody(view: View, width: int, total: int) -> tuple[Row, ...]:
    """Exactly `total` rows."""
    inner, title = width - 4, "start" if view.mode is Mode.IDLE else "hosts"
    if view.snapshot.state.opened is not None:
        rows: tuple[Row, ...] = ((("the run names no contributors", "muted"),),)
    elif view.mode is Mode.STARTING:
        rows = ((("hosts appear with the coordinator's first record", "muted"),),)
    else:
        last: tuple[Row, ...] = ((("hosts appear here once a run goes on", "muted"),),)
        steps = _first_steps(view)
        room = max(1, total - 3 - len(steps))
        if view.refused is not None:
            rows = _refused(view.refused, view.keys("app.acts"), inner, room)
        else:
            rows = _last(view.last, view, inner, room) if view.last else last
        rows = (*rows, *(((),) if len(rows) + len(steps) < total - 2 else ()), *steps)
    return box(((title, "bright*"),), rows, width, total)


def _last(run: RunRef, view: View, width: int, lines: int) -> tuple[Row, ...]:
    """How it ended, in its bundle's own words, on at most `lines` rows below its name; opening it verifies them."""
    left: Row = (("last run  ", "muted"), standing(run), ("  ", ""), (run.run_id, "text"))
    why = with_short_digests(run.why)
    if run.drill:
        how = "as promised, it" if run.drill == "pass" else "not as promised: it"
        why = f"{how} ended as {words(run.ended)}: {why}"
    if run.standing is RunStanding.LEFT:
        opens, goes_on = view.keys("place.viewer"), view.keys("app.continue")
        why = f"nobody runs it any more: {opens} opens it, {goes_on} then goes on with it"
    return (
        ends(left, ((f"  {changed(run, width)}", "muted"),), width),
        *(((line, "muted"),) for line in wrap(why, width, min(lines, 3))),
    )


def _refused(entry: LogEntry, key: str, width: int, lines: int) -> tuple[Row, ...]:
    """What was tried last and failed, with all that helps: a notice at the bottom passes, and has one line."""
    said = wrap(entry.outcome.removeprefix("✗ "), width, lines)
    head: Row = (("✗ ", "bad"), (entry.what, "bright"), (f"  {clock(entry.wall_ms)}", "muted"))
    return (ends(head, ((f"  {key}", "bright*"), ("  the log", "muted")), width), *(((line, "text"),) for line in said))


def _first_steps(view: View) -> tuple[Row, ...]:
    start = "two nodes on this machine train one LM-head LoRA, MLX and torch"
    if view.lane != OWN_LANE or view.way:
        start = f"lane {view.lane}" + (f", its contributor by {plain(view.way, 40)}" if view.way else "")
    steps = [("app.start", "go live", "not in a read-only console" if view.read_only else start)]
    if view.last is not None and view.last.bundle is not None:
        steps.append(("app.evidence", "proof", "the record behind how the last run ended, checked again"))
    kept = f"{len(view.runs)} are kept: here, and in the repository" if view.runs else "none is kept here yet"
    steps += [
        ("place.viewer", "viewer", kept), ("app.help", "help", "keys, glyphs, thresholds"),
        ("app.leave", "leave", "a run that goes on is not touched"),
    ]  # fmt: skip
    return tuple(
        ((f"{view.keys(key)}  ", "bright*"), (pad(name, 9), "text"), (what, "muted")) for key, name, what in steps
    )
