"""Thin gauges: a heavy line for what is, a light one for what may be, ticks at the bounds."""

from console.tui.drawing.text import Row

BLOCKS = "▁▂▃▄▅▆▇█"


def bar(share: float, width: int, role: str = "accent") -> Row:
    """Exactly `width` cells; anything above nothing shows, and only all of it is full."""
    share = min(1.0, max(0.0, share))
    full = round(share * width)
    if 0 < share < 1:
        full = min(max(full, 1), width - 1)
    return (("━" * full, role), ("─" * (width - full), "line"))


def bounded(value: float, bounds: tuple[float, ...], width: int, role: str) -> Row:
    """Counts towards bounds; the last one is the end of the line. Ticks stay visible until they are passed."""
    scale = bounds[-1]
    ticks = {min(width - 1, round(limit / scale * (width - 1))) for limit in bounds}
    full = min(width, round(max(0.0, value) / scale * (width - 1)))
    if value > 0:
        full = max(full, 1)
    rest = "".join("┼" if cell in ticks else "─" for cell in range(full, width))
    return (("━" * full, role), (rest, "line"))


def sparkline(values: tuple[float, ...], width: int) -> str:
    """Exactly `width` cells; the highest value is a full block."""
    if not values or width < 1:
        return ""
    count = width
    # The last value always stands at the right edge; few values repeat, many thin out.
    picked = [values[max(0, -(-(index + 1) * len(values) // count) - 1)] for index in range(count)]
    low, high = min(values), max(values)
    spread = high - low
    if spread <= 0:
        return BLOCKS[0] * count
    return "".join(BLOCKS[min(7, int((value - low) / spread * 7.999))] for value in picked)
