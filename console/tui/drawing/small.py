"""Below 80x24: the three facts that matter, and the size that the console needs."""

from console.observation.figures import problems
from console.tui.drawing.run_state import display_state, run_state
from console.tui.drawing.text import Row, fill
from console.tui.view import Mode, View


def small(view: View, width: int, height: int) -> tuple[Row, ...]:
    """How the run stands, and whether that is now; each host; then, where there is room, the receipts."""
    display = display_state(view)
    standing: Row = (("no run is going on", "text"),) if view.mode is Mode.IDLE else run_state(view)
    hosts: list[Row] = [
        ((f"{one.short} ", "text"), (f"{one.badge.glyph} {one.badge.word}", one.badge.role))
        for one in view.snapshot.hosts
    ]
    bad = view.snapshot.bad
    receipts: Row = ((f"{view.snapshot.records} receipts ", "muted"), (problems(bad), "bad" if bad else "ok"))
    needs: Row = (("needs 80x24", "warn"), (f", has {width}x{height} · {view.keys('app.leave')} leaves", "muted"))
    rows = [*((display,) if display else ()), standing, *hosts, receipts, needs]
    if len(rows) > height:
        rows.remove(receipts)
    return tuple(fill(row, width) for row in rows[:height])
