"""The keys of the moment; for some seconds, a word about the last one."""

from console.tui.drawing.text import Row, fill, row_width
from console.tui.view import Mode, View

PLACES = (("1", "dashboard"), ("2", "receipts"), ("3", "drills"), ("4", "checks"), ("5", "viewer"))


def footer(view: View, width: int) -> tuple[Row, ...]:
    if view.notice is not None:
        return (fill(((" ", ""), (view.notice[0], view.notice[1])), width),)
    row: list[tuple[str, str]] = [(" ", "")]
    for key, name in PLACES:
        here = name == view.place
        row += [(key, "bright*"), (f" {name} ", "text" if here else "muted")]
    row.append((" ", ""))
    stop = view.mode in (Mode.LIVE, Mode.STARTING)
    if view.replay is not None:
        verbs = [("[ ]", "1 s", ""), ("{ }", "phase", ""), ("space", "play", ""), (".", "back", "")]
        return (fill((*row[:-1], *_keys(verbs, view), ("?", "bright*"), (" help", "muted")), width),)
    verbs = [("x", "stop", "app.stop")] if stop else [("g", "go live", "app.start")]
    if "app.replay" not in view.blocked:
        verbs = [("r", "replay", "app.replay")]
    if width >= 120:
        verbs = [("b", "bring-up", "app.bring-up"), ("g", "go live", "app.start"), ("x", "stop", "app.stop"),
                 ("r", "replay", "app.replay"), ("F5-F8", "drills", "drill.stale"), ("n", "problem", ""),
                 ("a", "acknowledge", "app.acknowledge"), (":", "all", "")]  # fmt: skip
        if view.snapshot.state.closed is not None:
            verbs[5:5] = [("A", "audit", "app.audit"), ("p", "publish", "app.publish")]
            verbs = [verb for verb in verbs if verb[0] not in ("b", "n")]
    leave = "leave (run goes on)" if width >= 120 and view.mode is Mode.LIVE else "leave"
    verbs += [("?", "help", ""), ("q", leave, "")]
    return (fill((*row, *_keys(_that_fit(verbs, view, width - row_width(tuple(row))), view)), width),)


def _that_fit(verbs: list[tuple[str, str, str]], view: View, room: int) -> list[tuple[str, str, str]]:
    """What is refused now gives way first, from the end: the palette and help still tell it, with the reason."""
    refused = [verb for verb in verbs if verb[2] in view.blocked]
    while refused and row_width(tuple(_keys(verbs, view))) > room:
        verbs = [verb for verb in verbs if verb is not refused[-1]]
        refused.pop()
    return verbs


def _keys(verbs: list[tuple[str, str, str]], view: View) -> list[tuple[str, str]]:
    row: list[tuple[str, str]] = []
    for key, name, binding in verbs:
        blocked = binding in view.blocked
        row += [(key, "muted" if blocked else "bright*"), (f" {name}{' ×' if blocked else ''} ", "muted")]
    return row
