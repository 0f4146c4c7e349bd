"""What the operator did at this machine's consoles, newest first, each with the digest of its signed record."""

from console.observation.figures import clock
from console.tui.drawing.box import box, keyed
from console.tui.drawing.text import Row, clip, ends, pad
from console.tui.key_names import KeyNames
from console.tui.view import LogEntry, View

HEIGHT = 4


def operator_log(view: View, width: int, height: int = HEIGHT) -> tuple[Row, ...]:
    rows: list[Row] = [_entry(entry, view.keys, width - 4) for entry in reversed(view.log[-(height - 2) :])]
    acts = view.snapshot.state.acts
    if not rows and acts:
        rows = [
            ((f"{clock(act.wall_ms)} ", "muted"), (f"{act.command} ", "bright*"), (act.reason, "text"))
            for act in acts[-2:]
        ]
    if not rows:
        rows = [(("nothing was done at this machine's consoles yet", "muted"),)]
    note = f"{len(view.log)} {'act' if len(view.log) == 1 else 'acts'}" if view.log else ""
    return box(keyed(view.keys("app.acts"), "operator"), tuple(rows), width, height, note=note)


def _entry(entry: LogEntry, keys: KeyNames, width: int) -> Row:
    left: Row = (
        (f"{clock(entry.wall_ms)} ", "muted"),
        (f"{pad(entry.key(keys), 3)}", "bright*"),
        (pad(entry.what, min(44, width // 2)), "text"),
        (f" {clip(entry.outcome, max(0, width - 30 - min(44, width // 2)))}", entry.role),
    )
    return ends(left, ((f"  {entry.receipt}", "digest"),), width)
