"""The keys of the moment, in pieces that can be clicked; for some seconds, a word about the last one."""

from typing import NamedTuple

from console.tui.drawing.text import Row, fill, row_width, wrap
from console.tui.keys import DRILL_KEYS
from console.tui.view import Mode, View

MOST_ROWS = 5  # of a word to the operator
PLACES = ("dashboard", "receipts", "drills", "checks", "viewer")


class Piece(NamedTuple):
    """`press` is what a click on it does, as a key; empty where it does nothing."""

    row: Row
    press: str = ""


class _Verb(NamedTuple):
    """What can be done, by the id of its key."""

    binding: str
    name: str


STOP, GO, REPLAY = _Verb("app.stop", "stop"), _Verb("app.start", "go live"), _Verb("app.replay", "replay")
CONTINUE = _Verb("app.continue", "continue")
ACKNOWLEDGE, AUDIT = _Verb("app.acknowledge", "acknowledge"), _Verb("app.audit", "audit")
PUBLISH, BRING_UP = _Verb("app.publish", "publish"), _Verb("app.bring-up", "bring-up")
PROBLEM, PALETTE, HELP = _Verb("receipts.next", "problem"), _Verb("app.palette", "all"), _Verb("app.help", "help")
DRILLS = _Verb("drill.stale", "drills")  # all four of them; a click opens their place
THEN = (
    _Verb("replay.back", ""), _Verb("replay.on", "1 s"), _Verb("replay.phase-back", ""),
    _Verb("replay.phase-on", "phase"), _Verb("app.pause", "play"), _Verb("replay.live", "back"), HELP,
)  # fmt: skip
# What gives way first when there is no room, though it would work: the palette and help tell all of it.
GIVES_WAY = ("app.acknowledge", "drill.stale", "app.audit", "app.publish", "app.bring-up")


def footer(view: View, width: int, lit: int = -1) -> tuple[Row, ...]:
    """`lit` is the piece under the mouse."""
    row: list[tuple[str, str]] = []
    for place, piece in enumerate(pieces(view, width)):
        row += [(text, "accent*") for text, _ in piece.row] if place == lit and piece.press else piece.row
    return (fill(tuple(row), width),)


def notice_rows(view: View, width: int) -> tuple[Row, ...]:
    """The word to the operator, whole as far as it is worth; none without one."""
    if view.notice is None:
        return ()
    text, role = view.notice
    return tuple(fill(((" " if not at else "   ", ""), (line, role)), width)
                 for at, line in enumerate(wrap(text, width - 4, MOST_ROWS)))  # fmt: skip


def piece_at(view: View, width: int, x: int) -> int:
    """The piece at a cell; -1 for none."""
    end = 0
    for place, piece in enumerate(pieces(view, width)):
        end += row_width(piece.row)
        if x < end:
            return place
    return -1


def pieces(view: View, width: int) -> tuple[Piece, ...]:
    if view.notice is not None:
        return (Piece(((" ", ""), (view.notice[0], view.notice[1]))),)
    found = [Piece(((" ", ""),))]
    for name in PLACES:
        here, key = name == view.place, f"place.{name}"
        named = here or view.replay is None or width >= 120
        word = (f" {name} " if named else " ", "text" if here else "muted")
        found.append(Piece(((view.keys(key), "bright*"), word), view.keys.pressed(key)))
    if view.replay is not None:
        return (*found, *_keys(THEN, view))
    found.append(Piece(((" ", ""),)))
    room = width - sum(row_width(piece.row) for piece in found)
    return (*found, *_keys(_that_fit(_verbs(view, width), view, room), view))


def _verbs(view: View, width: int) -> list[_Verb]:
    wide, closed = width >= 120, view.snapshot.state.closed is not None
    leave = _Verb("app.leave", "leave (run goes on)" if wide and view.mode is Mode.LIVE else "leave")
    if not wide:
        going = STOP if view.mode in (Mode.LIVE, Mode.STARTING) else CONTINUE if view.mode is Mode.LEFT else GO
        return [REPLAY if "app.replay" not in view.blocked else going, HELP, leave]
    if view.mode is Mode.LEFT:
        return [CONTINUE, BRING_UP, GO, PROBLEM, ACKNOWLEDGE, PALETTE, HELP, leave]
    told = [GO, STOP, REPLAY, DRILLS, AUDIT, PUBLISH] if closed else [BRING_UP, GO, STOP, REPLAY, DRILLS, PROBLEM]
    return [*told, ACKNOWLEDGE, PALETTE, HELP, leave]


def _that_fit(verbs: list[_Verb], view: View, room: int) -> list[_Verb]:
    """What is refused now gives way first, from the end; then what is needed least."""
    refused = [verb for verb in reversed(verbs) if verb.binding in view.blocked]
    least = [verb for name in GIVES_WAY for verb in verbs if verb.binding == name and verb not in refused]
    for verb in (*refused, *least):
        if sum(row_width(piece.row) for piece in _keys(verbs, view)) <= room:
            break
        verbs = [one for one in verbs if one is not verb]
    return verbs


def _keys(verbs: list[_Verb] | tuple[_Verb, ...], view: View) -> list[Piece]:
    found = []
    for verb in verbs:
        blocked = verb.binding in view.blocked
        key, press = view.keys(verb.binding), view.keys.pressed(verb.binding)
        if verb is DRILLS:
            key, press = _drill_keys(view), view.keys.pressed("place.drills")
        name = f" {verb.name}{'×' if blocked else ''} " if verb.name else " "
        found.append(Piece(((key, "muted" if blocked else "bright*"), (name, "muted")), press))
    return found


def _drill_keys(view: View) -> str:
    """`F5-F8` where they are as they come, each where the operator named some."""
    keys = [view.keys(binding) for binding in DRILL_KEYS.values()]
    own = any(binding in view.keys.own for binding in DRILL_KEYS.values())
    return " ".join(keys) if own else f"{keys[0]}-{keys[-1]}"
