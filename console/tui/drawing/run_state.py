"""How the run stands, and what the console has to say of its own picture: live or not, paused, late, blind."""

from console.observation.figures import elapsed, seconds, words
from console.tui.drawing.text import Row
from console.tui.view import Mode, View
from runners.contract.states import Classification

_TROUBLE = frozenset({"refused", "replay_required", "rejected", "wait_then_replay", "aborted"})


def run_state(view: View) -> Row:
    snapshot, state = view.snapshot, view.snapshot.state
    match view.mode:
        case _ if view.reading:
            return (("READING", "accent*"),)
        case Mode.IDLE:
            return (("no run", "muted"),)
        case Mode.STARTING:
            return (("STARTING", "accent*"), (f" {elapsed(view.waited_ms)}", "text"))
        case Mode.LEFT:
            return (("? NO COORDINATOR", "warn*"),)
    time = (f" {elapsed(view.snapshot.in_state_ms)}", "text")
    if state.closed is not None:
        good = state.closed.classification is Classification.BOUNDED_SUCCESS
        return (("■ CLOSED", "ok*" if good else "bad*"), (" after", "muted"), time)
    if snapshot.moment.kept:
        return (("✗ BREAKS OFF", "bad*"),)
    role = "bad*" if state.window.value in _TROUBLE else "accent*"
    return ((words(state.window).upper(), role), time)


def display_state(view: View) -> Row:
    """Empty where what is seen is now, and whole."""
    marks: list[tuple[str, str]] = []
    if view.replay is not None:
        how = "▶" if view.replay.playing else "‖"
        marks.append((f"<< NOT LIVE {how} {100 * view.replay.share:3.0f} %  ", "warn*"))
    elif view.mode is Mode.RETAINED:
        marks.append(("<< NOT LIVE  ", "warn*"))
    if view.held_back is not None:
        marks.append((f"|| PAUSED +{view.held_back}  ", "warn*"))
    if view.gap_ms is not None:
        marks.append((f"% OBSERVER GAP {view.gap_ms / 1000:.1f}s  ", "warn*"))
    if view.other_live and view.mode is not Mode.IDLE:  # there it is watched at once
        marks.append(("● ANOTHER LIVE  ", "accent*"))
    if view.blind is not None:
        marks.append((f"? NO DATA {seconds(view.blind.for_ms)}  ", "warn*"))
    return tuple(marks)
