"""The rows of the list of runs."""

from datetime import UTC, datetime

from console.observation.figures import words
from console.observation.plain import plain
from console.observation.runs import RunRef, RunStanding
from console.tui.drawing.text import Row, Span, ends, pad
from runners.contract.states import Classification

NARROW = 90
STANDING = 21  # cells: a glyph and the longest verdict; beside it a run's own name has room at 80 columns


def run_row(run: RunRef, width: int, *, marked: bool = False) -> Row:
    """How it stands or ended comes first."""
    word, role = standing(run)
    name = (plain(run.run_id), "bright" if run.standing is RunStanding.LIVE else "text")
    left: Row = (("◆ " if marked else "  ", "accent"), (pad(word, STANDING), role), (" ", ""), name)
    return ends(left, ((f"  {changed(run, width)}", "muted"),), width)


def has_words(run: RunRef, wanted: str) -> bool:
    """Does every word stand in the run's name or in how it ended, and none that follows a `!`?"""
    said = f"{run.run_id} {standing(run)[0]}".casefold()
    return all((word[1:] not in said) if word[0] == "!" and word[1:] else word in said
               for word in wanted.casefold().split())  # fmt: skip


def changed(run: RunRef, width: int) -> str:
    """When it ended, by its own word where it has one; without the year where there is little room."""
    form = "%Y-%m-%d %H:%MZ" if width >= NARROW else "%m-%d %H:%MZ"
    return datetime.fromtimestamp((run.ended_ms or run.changed_ms) / 1000, UTC).strftime(form)


def standing(run: RunRef) -> Span:
    """Glyph, word and colour of what the bundle itself says; opening it verifies that."""
    match run.standing:
        case RunStanding.LIVE:
            return ("● LIVE", "ok*")
        case RunStanding.LEFT:
            return ("? NO COORDINATOR", "warn")
    if not run.ended:
        return ("■ CLOSED", "muted")
    if run.drill:
        return ("✓ drill PASS", "ok") if run.drill == "pass" else ("✗ drill FAIL", "bad")
    good = run.ended == Classification.BOUNDED_SUCCESS
    return (f"✓ {words(run.ended)}", "ok") if good else (f"✗ {words(run.ended)}", "bad")
