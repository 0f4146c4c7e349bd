"""Lines of coloured text as plain data: comparable, so that a widget repaints only what changed."""

from functools import lru_cache
from itertools import chain

from rich.cells import cell_len, chop_cells, set_cell_size

# Text and the role of its colour; "ok*" is the role in bold, "" leaves the ground.
Span = tuple[str, str]
Row = tuple[Span, ...]


@lru_cache(maxsize=4096)
def width_of(text: str) -> int:
    return cell_len(text)


def row_width(row: Row) -> int:
    return sum(width_of(text) for text, _ in row)


def clip(text: str, width: int) -> str:
    """At most `width` cells; what was cut shows as an ellipsis."""
    if width_of(text) <= width:
        return text
    return "" if width < 1 else set_cell_size(text, width - 1).rstrip() + "…"


def clip_front(text: str, width: int) -> str:
    """The end of a name in ASCII, which tells it from others; nothing where only a few cells are left."""
    if len(text) <= width:
        return text
    return "…" + text[-(width - 1) :] if width > 4 else ""


def pad(text: str, width: int) -> str:
    """Exactly `width` cells, to the left."""
    return set_cell_size(clip(text, width), width)


def fit(row: Row, width: int) -> Row:
    """At most `width` cells; what was cut shows as an ellipsis."""
    if row_width(row) <= width:
        return row
    room, kept = width - 1, []
    for text, role in row:
        if width_of(text) > room:
            kept.append((set_cell_size(text, max(0, room)).rstrip() + "…" if width > 0 else "", role))
            break
        kept.append((text, role))
        room -= width_of(text)
    return tuple(kept)


def fit_words(row: Row, width: int) -> Row:
    """As `fit`, but no figure is cut: half of one would be another."""
    fitted = fit(row, width)
    if fitted == row or not fitted[-1][0].endswith("…") or " " not in fitted[-1][0]:
        return fitted
    text, role = fitted[-1]
    head, _, last = text[:-1].rpartition(" ")
    return (*fitted[:-1], (f"{head}…", role)) if last[:1].isdigit() else fitted


def fill(row: Row, width: int) -> Row:
    """Exactly `width` cells."""
    fitted = fit(row, width)
    return (*fitted, (" " * (width - row_width(fitted)), ""))


def ends(left: Row, right: Row, width: int) -> Row:
    """`left` and `right` against the two edges; `left` gives way."""
    room = width - row_width(right)
    if room < 0:
        return fill(left, width)
    return (*fill(left, room), *right)


def labelled(label: str, row: Row, width: int, label_width: int = 6) -> Row:
    return fill(((pad(label, label_width), "muted"), *row), width)


def _pieces(word: str, width: int) -> list[str]:
    if width_of(word) <= width or width < 2:
        return [word]
    if word.isascii():
        return [word[start : start + width] for start in range(0, len(word), width)]
    return chop_cells(word, width)


def wrap(text: str, width: int, limit: int) -> list[str]:
    """Words over at most `limit` lines, a word longer than a line in pieces; an ellipsis where there was more."""
    lines = [""]
    for word in chain.from_iterable(_pieces(one, width) for one in text[: 4 * limit * (width + 1)].split()):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if width_of(joined) <= width or not lines[-1]:
            lines[-1] = joined
        elif len(lines) == limit:
            lines[-1] = clip(joined, width)
            break
        else:
            lines.append(word)
    return [clip(line, width) for line in lines]
