"""Curves in braille: two by four dots a cell, with axes."""

from math import isfinite

from console.tui.drawing.text import Row, pad

_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # by column, then by row from the top
LABEL = 8
LEGEND = ("━━", "╌╌")  # of a curve, and of every other
Curve = tuple[str, tuple[float, ...]]


def plot(
    curves: tuple[Curve, ...], width: int, height: int, *, below: str = "step", scale: tuple[Curve, ...] = ()
) -> tuple[Row, ...]:
    """Exactly `height` rows; each curve is (role, values) over its index. The last rows are the axis and its ends.

    `scale`: curves of another plot on the same axes, so that the two can be compared by eye."""
    cells, rows = width - LABEL - 2, height - 2
    values = [value for _, curve in (*curves, *scale) for value in curve if isfinite(value)]
    if not values or cells < 8 or rows < 2:
        return tuple(((("no losses to draw", "muted"),) if y == 0 else ()) for y in range(height))
    low, high = min(values), max(values)
    if high == low:
        low, high = low - 0.5, high + 0.5
    longest = max(len(curve) for _, curve in (*curves, *scale))
    dots = [[0] * cells for _ in range(rows)]
    roles = [[""] * cells for _ in range(rows)]
    for place, (role, curve) in enumerate(curves):
        for x, y in _points(curve, longest, low, high, cells * 2, rows * 4):
            if x % (place % 2 + 1):
                continue  # every other curve is thinner: told apart without colour
            dots[y // 4][x // 2] |= _DOTS[x % 2][y % 4]
            roles[y // 4][x // 2] = role
    drawn = [_line(y, dots[y], roles[y], low, high, rows) for y in range(rows)]
    axis: Row = ((" " * LABEL + "└" + "─" * cells, "line"),)
    ends = f"{'1':<{cells - 12}}{f'{below} {longest}':>12}"
    return (*drawn, axis, ((" " * (LABEL + 1), ""), (ends, "muted")))


def _points(
    curve: tuple[float, ...], longest: int, low: float, high: float, across: int, down: int
) -> list[tuple[int, int]]:
    """A dot for every column that the curve covers; what lies between two columns is joined upright."""
    reach = max(2, round(across * len(curve) / longest))
    points: list[tuple[int, int]] = []
    before: int | None = None
    for x in range(min(reach, across)):
        value = _value_at(curve, x * (len(curve) - 1) / (reach - 1))
        if not isfinite(value):
            before = None
            continue
        y = min(down - 1, round((high - value) / (high - low) * (down - 1)))
        start = y if before is None else before
        points += [(x, at) for at in range(min(start, y), max(start, y) + 1)]
        before = y
    return points


def _value_at(curve: tuple[float, ...], place: float) -> float:
    """Between two steps the line goes straight; where steps outnumber columns it meets one of them."""
    left = int(place)
    right = min(left + 1, len(curve) - 1)
    return curve[left] + (curve[right] - curve[left]) * (place - left)


def _line(y: int, dots: list[int], roles: list[str], low: float, high: float, rows: int) -> Row:
    mark = y in (0, rows // 2, rows - 1)
    value = high - (high - low) * y / max(1, rows - 1)
    label = f"{value:>{LABEL - 1}.3f} " if mark else " " * LABEL
    row: list[tuple[str, str]] = [(pad(label, LABEL), "muted"), ("┤" if mark else "│", "line")]
    for cell, role in zip(dots, roles, strict=True):
        text = chr(0x2800 + cell) if cell else " "
        if row[-1][1] == role and len(row) > 2:
            row[-1] = (row[-1][0] + text, role)
        else:
            row.append((text, role))
    return tuple(row)
