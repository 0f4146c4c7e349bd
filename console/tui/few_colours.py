"""Themes for terminals that don't show every colour: 256 of them, as Terminal.app before macOS 26 has, or 16."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from functools import cache
from itertools import combinations, product

from rich.color import Color, ColorSystem

from console.tui.eyes import READABLE, STATES, TEXTS, contrast, deuteranopia, difference, grey
from console.tui.themes import GROUNDS, Palette, SwarmTheme

# For a terminal of 16 colours: Rich sends the nearest one, and these are the very values by which it measures, so that
# states stay apart and the line under the cursor can be seen. What they look like is the terminal's own affair.
SIXTEEN = SwarmTheme(
    "swarm-16",
    True,
    Palette(
        ground="#000000", bar="#000000", line="#555555", cursor="#0000aa", text="#aaaaaa", muted="#00aaaa",
        bright="#ffffff", ok="#55ff55", warn="#ffff55", bad="#ff5555", accent="#55ffff", digest="#ff55ff",
    ),
)  # fmt: skip

# And without colours on such a terminal: what matters is the brightest.
SIXTEEN_GREYS = replace(
    SIXTEEN,
    palette=replace(SIXTEEN.palette, muted="#aaaaaa", ok="#ffffff", warn="#ffffff", bad="#ffffff", accent="#aaaaaa"),
)

STEPS = (0, 95, 135, 175, 215, 255)  # of each part of a colour in the cube of 216
GREYS = range(1, 25)  # of the ramp beside it, in 25ths of white, as Rich counts them
# How far apart the three states are at least, for whom: what the shipped themes keep with every colour.
APART = ((deuteranopia, 10.0), (grey, 5.0))
CHOICE = 12  # of the nearest colours for each state


def shown(colour: str) -> str:
    """What of the 256 Rich sends for it."""
    return Color.parse(colour).downgrade(ColorSystem.EIGHT_BIT).get_truecolor().hex


@cache
def sent() -> dict[str, str]:
    """What is shown, by a colour for which it is sent. The 16 that a terminal's owner may change are not among them."""
    cube = [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in product(STEPS, repeat=3)]
    ramp = ["#" + 3 * f"{round(255 * step / 25):02x}" for step in GREYS]
    return {shown(colour): colour for colour in (*cube, *ramp)}


def in_256(theme: SwarmTheme) -> SwarmTheme:
    """The nearest that can be shown to each colour, with what the theme promises kept: texts that can be read, states
    that are told apart. Rich's own choice makes near-black grounds one black, and a cursor of slate navy blue."""
    own = theme.palette
    chosen = {role: _nearest(getattr(own, role), sent())[0] for role in (*GROUNDS, "line")}
    grounds = [chosen[role] for role in GROUNDS]
    for role in TEXTS:
        least = min(READABLE, *(contrast(getattr(own, role), getattr(own, ground)) for ground in GROUNDS))
        legible = [colour for colour in sent() if all(contrast(colour, ground) >= least for ground in grounds)]
        if role not in STATES:
            chosen[role] = _nearest(getattr(own, role), legible or sent())[0]
        else:
            chosen[role] = " ".join(_nearest(getattr(own, role), legible or sent()))
    states = _apart(own, [chosen[state].split() for state in STATES])
    chosen |= dict(zip(STATES, states, strict=True))
    return replace(theme, palette=Palette(**{field.name: sent()[chosen[field.name]] for field in fields(Palette)}))


def _nearest(colour: str, among: Iterable[str]) -> list[str]:
    return sorted(among, key=lambda other: difference(colour, other))[:CHOICE]


def _apart(own: Palette, choices: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """One of each, as near as possible; the nearest where none of them are far enough apart."""
    wanted = [getattr(own, state) for state in STATES]
    found = [
        trio
        for trio in product(*choices)
        if all(difference(eye(a), eye(b)) > apart for eye, apart in APART for a, b in combinations(trio, 2))
    ]
    nearest = tuple(choice[0] for choice in choices)
    return min(
        found, key=lambda trio: sum(difference(a, b) for a, b in zip(trio, wanted, strict=True)), default=nearest
    )
