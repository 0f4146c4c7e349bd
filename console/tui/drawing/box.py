"""One thin line around a thing, its title and its footnote on the line."""

from console.tui.drawing.text import Row, clip, fill, row_width, width_of

EDGES = tuple("╭╮╰╯│")  # what only a box is drawn with


def box(
    title: Row, rows: tuple[Row, ...], width: int, height: int, *, note: str = "", aside: str = ""
) -> tuple[Row, ...]:
    """Exactly `height` rows of `width` cells. Inside there are `width - 4` cells for text. `aside` stands at the other
    end of the title's line, where it has room."""
    inner = width - 4
    body = [*rows[: height - 2], *(() for _ in range(height - 2 - len(rows)))]
    return (
        _top(title, width, aside),
        *((("│ ", "line"), *fill(row, inner), (" │", "line")) for row in body),
        _bottom(note, width),
    )


def keyed(key: str, title: str) -> Row:
    """The title of a panel behind which a key opens more. In brackets: a bare `2` reads as a count."""
    return (("[", "muted"), (key, "accent"), ("] ", "muted"), (title, "bright*"))


def _top(title: Row, width: int, aside: str) -> Row:
    if not title:
        return (("╭" + "─" * (width - 2) + "╮", "line"),)
    rest = width - 5 - row_width(title)
    if aside and (left := rest - width_of(aside) - 3) > 0:
        return (("╭─ ", "line"), *title, (" " + "─" * left + " ", "line"), (aside, "muted"), (" ─╮", "line"))
    return (("╭─ ", "line"), *title, (" " + "─" * max(0, rest) + "╮", "line"))


def _bottom(note: str, width: int) -> Row:
    text = clip(note, width - 6)
    if not text:
        return (("╰" + "─" * (width - 2) + "╯", "line"),)
    return (("╰" + "─" * (width - 5 - width_of(text)) + " ", "line"), (text, "muted"), (" ─╯", "line"))


def beside(*blocks: tuple[Row, ...]) -> tuple[Row, ...]:
    """Blocks of one height next to each other, one cell apart."""
    rows = []
    for parts in zip(*blocks, strict=True):
        row: list[tuple[str, str]] = []
        for index, part in enumerate(parts):
            row += [(" ", ""), *part] if index else part
        rows.append(tuple(row))
    return tuple(rows)
