"""The keys of the moment, in pieces that can be clicked; for some seconds, a word about the last one."""

from typing import NamedTuple

from console.tui.drawing.text import Row, fill, row_width
from console.tui.view import Mode, View

PLACES = (("1", "dashboard"), ("2", "receipts"), ("3", "drills"), ("4", "checks"), ("5", "viewer"))


class Piece(NamedTuple):
    """`press` is what a click on it does, as a key; empty where it does nothing."""

    row: Row
    press: str = ""


class _Verb(NamedTuple):
    """One key and what it does. `binding` is its id where it may be refused."""

    key: str
    name: str
    binding: str = ""
    press: str = ""
    local: str = ""  # its id where it works in one place only


STOP = _Verb("x", "stop", "app.stop")
GO = _Verb("g", "go live", "app.start")
REPLAY = _Verb("r", "replay", "app.replay")
ACKNOWLEDGE = _Verb("a", "acknowledge", "app.acknowledge")
DRILLS = _Verb("F5-F8", "drills", "drill.stale", "3")
PALETTE = _Verb(":", "all", press="colon")
HELP = _Verb("?", "help", press="question_mark")
THEN = (
    _Verb("[", "", press="left_square_bracket"), _Verb("]", "1 s", press="right_square_bracket"),
    _Verb("{", "", press="left_curly_bracket"), _Verb("}", "phase", press="right_curly_bracket"),
    _Verb("space", "play"), _Verb(".", "back", press="full_stop"), HELP,
)  # fmt: skip
# What gives way first when there is no room, though it would work: the palette and help tell all of it.
GIVES_WAY = ("app.acknowledge", "drill.stale", "app.audit", "app.publish", "app.bring-up")


def footer(view: View, width: int, lit: int = -1) -> tuple[Row, ...]:
    """`lit` is the piece under the mouse."""
    row: list[tuple[str, str]] = []
    for place, piece in enumerate(pieces(view, width)):
        row += [(text, "accent*") for text, _ in piece.row] if place == lit and piece.press else piece.row
    return (fill(tuple(row), width),)


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
    for key, name in PLACES:
        here = name == view.place
        named = here or view.replay is None or width >= 120
        word = (f" {name} " if named else " ", "text" if here else "muted")
        found.append(Piece(((view.keys(key), "bright*"), word), view.keys.pressed(key) or key))
    if view.replay is not None:
        return (*found, *_keys(THEN, view))
    found.append(Piece(((" ", ""),)))
    room = width - sum(row_width(piece.row) for piece in found)
    return (*found, *_keys(_that_fit(_verbs(view, width), view, room), view))


def _verbs(view: View, width: int) -> list[_Verb]:
    wide, closed = width >= 120, view.snapshot.state.closed is not None
    leave = _Verb("q", "leave (run goes on)" if wide and view.mode is Mode.LIVE else "leave")
    if not wide:
        first = REPLAY if "app.replay" not in view.blocked else STOP if view.mode in (Mode.LIVE, Mode.STARTING) else GO
        return [first, HELP, leave]
    if closed:
        told = [GO, STOP, REPLAY, DRILLS, _Verb("A", "audit", "app.audit"), _Verb("p", "publish", "app.publish")]
    else:
        told = [
            _Verb("b", "bring-up", "app.bring-up"),
            GO,
            STOP,
            REPLAY,
            DRILLS,
            _Verb("n", "problem", local="receipts.next"),
        ]
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
        name = f" {verb.name}{'×' if blocked else ''} " if verb.name else " "
        row = ((view.keys(verb.key, verb.local), "muted" if blocked else "bright*"), (name, "muted"))
        found.append(Piece(row, view.keys.pressed(verb.key, verb.local) or verb.press or verb.key))
    return found
