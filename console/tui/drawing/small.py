"""Below 80x24: the three facts that matter, and the size that the console needs."""

from console.observation.figures import elapsed, problems, words
from console.tui.drawing.text import Row, fill
from console.tui.view import Mode, View


def small(view: View, width: int, height: int) -> tuple[Row, ...]:
    state = view.snapshot.state
    standing = words(state.window).upper() if state.opened else view.mode.value.upper()
    rows: list[Row] = [((standing, "accent*"), (f" {elapsed(view.snapshot.in_state_ms)}", "text"))]
    if view.mode is Mode.IDLE:
        rows = [(("no run is going on", "text"),)]
    rows += [
        ((f"{one.short} ", "text"), (f"{one.badge.glyph} {one.badge.word}", one.badge.role))
        for one in view.snapshot.hosts
    ]
    bad = view.snapshot.bad
    rows.append(((f"{view.snapshot.records} receipts ", "muted"), (problems(bad), "bad" if bad else "ok")))
    rows.append((("needs 80x24", "warn"), (f", has {width}x{height} · {view.keys('app.leave')} leaves", "muted")))
    return tuple(fill(row, width) for row in rows[:height])
