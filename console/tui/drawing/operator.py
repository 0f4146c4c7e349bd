"""What the operator did at this console, newest first."""

from console.observation.figures import clock
from console.tui.drawing.box import box
from console.tui.drawing.text import Row, pad
from console.tui.view import LogEntry, View

HEIGHT = 4


def operator_log(view: View, width: int) -> tuple[Row, ...]:
    rows: list[Row] = [_entry(entry) for entry in reversed(view.log[-(HEIGHT - 2) :])]
    acts = view.snapshot.state.acts
    if not rows and acts:
        rows = [
            ((f"{clock(act.wall_ms)} ", "muted"), (f"{act.command} ", "bright*"), (act.reason, "text"))
            for act in acts[-2:]
        ]
    if not rows:
        rows = [(("nothing was done at this console yet", "muted"),)]
    return box((("operator", "bright*"),), tuple(rows), width, HEIGHT)


def _entry(entry: LogEntry) -> Row:
    time, key = (f"{clock(entry.wall_ms)} ", "muted"), (f"{entry.key} ", "bright*")
    return (time, key, (pad(entry.what, 34), "text"), (entry.outcome, entry.role))
