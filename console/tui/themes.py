"""Palettes from TOML files: ours, and those that a user adds."""

import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from textual.theme import Theme

from console.tui.errors import ThemeError
from console.tui.eyes import READABLE, TEXTS, contrast

DEFAULT_THEME = "swarm-dark"
_COLOUR = re.compile(r"^#[0-9a-fA-F]{6}$")
_NAME = re.compile(r"^[a-z0-9][a-z0-9-]{0,31}$")
GROUNDS = ("ground", "bar", "cursor")
MAX_THEME_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Palette:
    """One colour per role; a status colour never stands without a glyph and a word."""

    ground: str
    bar: str
    line: str
    cursor: str
    text: str
    muted: str
    bright: str
    ok: str
    warn: str
    bad: str
    accent: str
    digest: str


@dataclass(frozen=True, slots=True)
class SwarmTheme:
    name: str
    dark: bool
    palette: Palette

    def for_textual(self) -> Theme:
        """Textual's own widgets (palette, help panel, scroll bars) take their colours from the same roles."""
        palette = self.palette
        return Theme(
            name=self.name,
            dark=self.dark,
            primary=palette.accent,
            secondary=palette.digest,
            warning=palette.warn,
            error=palette.bad,
            success=palette.ok,
            accent=palette.accent,
            foreground=palette.text,
            background=palette.ground,
            surface=palette.ground,
            panel=palette.bar,
            variables={
                "line": palette.line,
                "bar": palette.bar,
                "ground": palette.ground,
                "muted": palette.muted,
                "bright": palette.bright,
                "scrollbar": palette.line,
                "scrollbar-hover": palette.muted,
                "scrollbar-active": palette.accent,
                "scrollbar-background": palette.ground,
                "scrollbar-background-hover": palette.ground,
                "scrollbar-background-active": palette.ground,
                "scrollbar-corner-color": palette.ground,
            },
        )


def parse_theme(raw: bytes, *, where: str) -> SwarmTheme:
    """Raises ThemeError that names the file, what was expected, and what it holds."""
    try:
        body = tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ThemeError(f"theme {where}: expected TOML, got {error}") from error
    name, dark, colours = body.get("name"), body.get("dark"), body.get("palette")
    if (
        not isinstance(name, str)
        or not _NAME.match(name)
        or not isinstance(dark, bool)
        or not isinstance(colours, dict)
    ):
        raise ThemeError(f"theme {where}: expected name, dark and a [palette], got {sorted(body)}")
    roles = [field.name for field in fields(Palette)]
    for role in roles:
        value = colours.get(role)
        if not isinstance(value, str) or not _COLOUR.match(value):
            raise ThemeError(f"theme {where}: expected palette.{role} like #0e1217, got {value!r:.40}")
    return SwarmTheme(name, dark, Palette(**{role: colours[role] for role in roles}))


def _hard_to_read(theme: SwarmTheme, where: str) -> list[str]:
    """Taste is the user's; that a status can't be read is worth a word."""
    palette = theme.palette
    found = {
        role: min(contrast(getattr(palette, role), getattr(palette, ground)) for ground in GROUNDS) for role in TEXTS
    }
    worst = min(found, key=lambda role: found[role])
    if found[worst] >= READABLE:
        return []
    return [f"theme {where}: {worst} has a contrast of {found[worst]:.1f} to its ground: hard to read below {READABLE}"]


def load_themes(folders: tuple[Path, ...]) -> tuple[dict[str, SwarmTheme], tuple[str, ...]]:
    """Every good theme by name (a later folder wins, so that a user can change ours), and a line about each one that
    was skipped or can hardly be read."""
    themes: dict[str, SwarmTheme] = {}
    problems: list[str] = []
    for folder in folders:
        for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
            try:
                with path.open("rb") as stream:
                    theme = parse_theme(stream.read(MAX_THEME_BYTES), where=path.name)
            except (ThemeError, OSError) as error:
                problems.append(f"{error}; the theme is skipped")
            else:
                problems += _hard_to_read(theme, path.name)
                themes[theme.name] = theme
    return themes, tuple(problems)
