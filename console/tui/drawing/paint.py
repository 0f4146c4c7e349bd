"""From rows of roles to what the terminal shows."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from console.observation.plain import plain
from console.tui.drawing.text import Row, fill
from console.tui.themes import Palette


class _Looks(dict[str, Style]):
    """The style of each role; `ground` names the role behind the text: ground, bar, or cursor."""

    def __init__(self, palette: Palette, ground: str, *, reverse: bool) -> None:
        super().__init__()
        self._palette, self._ground, self._reverse = palette, ground, reverse

    def __missing__(self, role: str) -> Style:
        name, bold = role.rstrip("*"), role.endswith("*")
        style = self[role] = Style(
            color=getattr(self._palette, name or "text"),
            bgcolor=getattr(self._palette, self._ground),
            bold=bold or None,
            reverse=self._reverse or None,
        )
        return style


@lru_cache(maxsize=64)
def _looks(palette: Palette, ground: str, reverse: bool) -> _Looks:
    return _Looks(palette, ground, reverse=reverse)


@lru_cache(maxsize=1024)
def _escapes(style: Style, system: ColorSystem) -> tuple[str, str]:
    before, _, after = Strip.render_style(style, "\0", system).partition("\0")
    return before, after


@lru_cache(maxsize=4096)
def _is_a_cell_each(text: str) -> bool:
    return text.isascii() or all(cell_len(char) == 1 for char in text)


class Painted(Strip):
    """A line that is spelled for the terminal from its pieces. It is made of segments only where somebody asks for
    those (a picture, a filter, a question over it): they cost five times as much."""

    __slots__ = ("_divided", "_pieces", "_spelled", "_width")

    def __init__(self, pieces: Sequence[tuple[str, Style]], width: int) -> None:
        # Not Strip's: what it would set is missing until __getattr__ is asked for it.
        self._pieces, self._width = pieces, width
        self._spelled: str | None = None
        self._divided: tuple[list[int], list[Strip]] | None = None

    def __getattr__(self, name: str) -> Any:
        if name not in Strip.__slots__:
            raise AttributeError(name)
        super().__init__(_segments(self._pieces), self._width)
        return getattr(self, name)

    @property
    def cell_length(self) -> int:
        return self._width

    def render(self, console: Console) -> str:
        if self._spelled is None:
            system = console._color_system or ColorSystem.TRUECOLOR
            spelled: list[str] = []
            for text, style in self._pieces:
                before, after = _escapes(style, system)
                spelled += (before, text, after)
            self._spelled = "".join(spelled)
        return self._spelled

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        """At cells; the last cut is the end, as Textual's compositor asks."""
        wanted = [cut for cut in cuts if cut <= self._width]
        if wanted == [self._width]:
            return [self]
        if self._divided is None or self._divided[0] != wanted:
            if not all(_is_a_cell_each(text) for text, _ in self._pieces):
                return super().divide(wanted)
            self._divided = (wanted, self._cut(wanted))
        return self._divided[1]

    def _cut(self, cuts: list[int]) -> list[Strip]:
        strips: list[Strip] = []
        pieces, begin = list(reversed(self._pieces)), 0
        for cut in cuts:
            part: list[tuple[str, Style]] = []
            room = cut - begin
            while room and pieces:
                text, style = pieces.pop()
                part.append((text[:room], style))
                if len(text) > room:
                    pieces.append((text[room:], style))
                room -= len(part[-1][0])
            strips.append(Painted(part, cut - begin))
            begin = cut
        return strips


def _segments(pieces: Sequence[tuple[str, Style]]) -> list[Segment]:
    segments = []
    for text, style in pieces:
        # Leading blanks stand alone: SVG viewers drop them from a text element and then stretch what is left.
        bare = text.lstrip(" ")
        segments += [Segment(part, style) for part in (" " * (len(text) - len(bare)), bare) if part]
    return segments


def pieces(
    row: Row, width: int, palette: Palette, ground: str = "ground", *, reverse: bool = False
) -> list[tuple[str, Style]]:
    """Exactly `width` cells. Text is never markup, and nothing in it moves a cursor."""
    safe = tuple((text, role) if text.isprintable() else (plain(text, len(text)), role) for text, role in row)
    looks = _looks(palette, ground, reverse)
    return [(text, looks[role]) for text, role in fill(safe, width) if text]


def paint(row: Row, width: int, palette: Palette, ground: str = "ground") -> Strip:
    return Painted(pieces(row, width, palette, ground), width)
