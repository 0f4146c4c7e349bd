"""A screen as text: what stands in each cell, and below it in whose colour. Readable in a diff, and the same on every
version of Textual that draws the same."""

from dataclasses import fields
from itertools import groupby

from rich.segment import Segment
from textual.pilot import Pilot

from console.tui.app import SwarmApp
from console.tui.themes import Palette

LETTERS = {"ok": "k", "warn": "w", "bad": "b", "accent": "a", "digest": "d", "text": "t", "muted": "m", "bright": "s",
           "line": "-", "ground": "g", "bar": "r", "cursor": "c"}  # fmt: skip


def picture(pilot: Pilot[None]) -> str:
    """The text of every line; then, for each line, its colours by role: letters of LETTERS, capital when bold, `?` for
    a colour of nobody's, `.` for none; and where the ground is another than the theme's."""
    app = pilot.app
    assert isinstance(app, SwarmApp)
    # Without colour Textual draws in greys, which are nobody's.
    roles = {} if app.no_color else {getattr(app.palette, field.name): field.name for field in fields(Palette)}
    strips = app.screen._compositor.render_strips()  # the only way to read the screen
    texts, colours = [], []
    for strip in strips:
        texts.append(strip.text.rstrip())
        letters = "".join(_letter(one, roles) * one.cell_length for one in strip)
        grounds = "".join(_ground(one, roles) * one.cell_length for one in strip)
        colours.append(_runs(letters) + (f"  on {_runs(grounds)}" if set(grounds) - {"g", "."} else ""))
    return "\n".join((*texts, "", *colours))


def _letter(segment: Segment, roles: dict[str, str]) -> str:
    style = segment.style
    if not segment.text.strip():
        return " "
    if style is None or style.color is None:
        return "B" if style is not None and style.bold else "."
    letter = LETTERS.get(roles.get(style.color.name, ""), "?")
    return letter.upper() if style.bold else letter


def _ground(segment: Segment, roles: dict[str, str]) -> str:
    style = segment.style
    if style is None or style.bgcolor is None:
        return "."
    return LETTERS.get(roles.get(style.bgcolor.name, ""), "?")


def _runs(letters: str) -> str:
    """`s5 3 m12`: five bright cells, three blank, twelve muted."""
    runs = (f"{letter.strip()}{sum(1 for _ in cells)}" for letter, cells in groupby(letters.rstrip()))
    return " ".join(runs)
