"""Help, made from the bindings themselves, the glossary of glyphs, and the thresholds in force."""

from typing import Any

from textual.binding import Binding
from textual.screen import Screen

from console.observation.plain import plain
from console.tui.drawing.text import Row, pad, row_width, wrap
from console.tui.drawing.thresholds import thresholds
from console.tui.glossary import GLYPHS
from console.tui.key_names import KeyNames
from console.tui.screens.fixed import Leaf
from console.tui.view import View
from console.tui.widgets.lines import FixedLines

GENERAL = ("everywhere", "between panels")


class Help(Leaf):
    TITLE_TEXT = "help"

    def __init__(self) -> None:
        super().__init__()
        self._here: set[str] = set()

    def rows(self, view: View, width: int) -> tuple[Row, ...]:
        """What works where the operator came from, then what works everywhere, the words, and the other places."""
        from console.tui.bindings import all_bindings

        sections: dict[str, list[Row]] = {}
        reasons = self.app.reasons()
        for where, binding in all_bindings():
            sections.setdefault(where, []).extend(self._key(binding, reasons.get(binding.id or ""), view.keys, width))
        here = [where for where in sections if where in self._here and where not in GENERAL]
        rest = [where for where in sections if where not in (*here, *GENERAL)]
        glyphs = [
            row
            for glyph, role, text in GLYPHS
            for row in _explained(((f"  {pad(glyph, 20)}", role),), view.keys.told(text), width)
        ]
        sections |= {"glyphs": glyphs, "thresholds of this run": [*thresholds(view, width)]}
        rows: list[Row] = _of_the_settings(self.app.theme_problems, width)
        for title in (*here, *GENERAL, "glyphs", "thresholds of this run", *rest):
            rows += [((title, "bright*"),), *sections[title], ()]
        return tuple(rows)

    def open_over(self, below: Screen[Any]) -> None:
        """It is made once and stays when it is closed; it opens at its top."""
        from console.tui.bindings import OWNERS

        for lines in self.query(FixedLines):
            lines.scroll_to(y=0, animate=False, force=True)
        chain = below.focused.ancestors_with_self if below.focused else [below]
        self._here = {where for where, owner in OWNERS if any(isinstance(one, owner) for one in chain)}

    def _key(self, binding: Binding, reason: str | None, names: KeyNames, width: int) -> tuple[Row, ...]:
        keys = " ".join(names.every(str(binding.id)))
        head: Row = ((f"  {pad(keys, 14)}", "bright*"), (pad(binding.description, 16), "text"))
        rows = _explained(head, names.told(binding.tooltip), width, "muted")
        refused = wrap(f"× not now: {reason}", width - 16, 4) if reason is not None else ()
        return (*rows, *(((" " * 16, ""), (line, "warn")) for line in refused))


def _explained(head: Row, text: str, width: int, role: str = "text") -> tuple[Row, ...]:
    """Whole: what has no room goes on below."""
    indent = row_width(head)
    return tuple((*(head if not at else ((" " * indent, ""),)), (line, role))
                 for at, line in enumerate(wrap(text, width - indent, 4)))  # fmt: skip


def _of_the_settings(problems: tuple[str, ...], width: int) -> list[Row]:
    """What was wrong in the operator's settings and themes, whole; it was left out."""
    if not problems:
        return []
    lines = [line for problem in problems for line in wrap(plain(problem, 1000), width - 4, 4)]
    return [(("left out of your settings", "bright*"),), *((("  ▲ ", "warn"), (line, "text")) for line in lines), ()]
