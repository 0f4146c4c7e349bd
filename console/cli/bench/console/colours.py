"""A1: what the themes promise to eyes, computed."""

from collections.abc import Iterator

from console.cli.bench.console.place import BenchPlace
from console.cli.bench.figure import Figure
from console.places import data_dir


def colours(place: BenchPlace) -> Iterator[Figure]:  # noqa: ARG001 - every measurement has this shape
    from console.tui.eyes import STATES, TEXTS, contrast, deuteranopia, difference, grey
    from console.tui.themes import load_themes

    themes, _ = load_themes((data_dir("themes"),))
    for name, theme in sorted(themes.items()):
        palette = theme.palette
        on = [contrast(getattr(palette, role), getattr(palette, ground))
              for role in TEXTS for ground in ("ground", "bar", "cursor")]  # fmt: skip
        yield Figure("A1", f"{name}: contrast below 4.5 of {len(on)} pairs", "",
                     (float(sum(one < 4.5 for one in on)),), 0, "worst")  # fmt: skip
        yield Figure("A1", f"{name}: lowest contrast", ":1", (min(on),))
        for eye, seen in (("deuteranope", deuteranopia), ("greyscale", grey)):
            states = [seen(getattr(palette, role)) for role in STATES]
            apart = [difference(a, b) for place, a in enumerate(states) for b in states[place + 1 :]]
            yield Figure("A1", f"{name}: nearest two states, {eye}", "dE", (min(apart),))
