"""The rows of the checks place, and of the list of runs."""

from datetime import UTC, datetime

from console.observation.runs import RunRef, RunStanding
from console.tui.drawing.text import Row, ends, pad

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
