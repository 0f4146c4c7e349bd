"""From rows of roles to what the terminal shows."""

from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from console.observation.plain import plain
from console.tui.drawing.text import Row, fill
from console.tui.themes import Palette


@lru_cache(maxsize=1024)
def style_of(palette: Palette, role: str, ground: str, reverse: bool = False) -> Style:
    """`ground` names the role behind the text: ground, bar, or cursor."""
    name, bold = role.rstrip("*"), role.endswith("*")
    return Style(
        color=getattr(palette, name or "text"),
        bgcolor=getattr(palette, ground),
        bold=bold or None,
        reverse=reverse or None,
    )


def paint(row: Row, width: int, palette: Palette, ground: str = "ground", *, reverse: bool = False) -> Strip:
    """Exactly `width` cells. Text is never markup: it goes into segments as it is, without what moves a cursor."""
    segments = []
    safe = tuple((text, role) if text.isprintable() else (plain(text, len(text)), role) for text, role in row)
    for text, role in fill(safe, width):
        style, bare = style_of(palette, role, ground, reverse), text.lstrip(" ")
        # Leading blanks stand alone: SVG viewers drop them from a text element and then stretch what is left.
        segments += [Segment(part, style) for part in (" " * (len(text) - len(bare)), bare) if part]
    return Strip(segments, width)
