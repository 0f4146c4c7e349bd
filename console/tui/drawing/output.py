"""What a process printed, as rows: the line that matters on top and whole, noise in grey and folded."""

from console.observation.output import OutputLine
from console.tui.drawing.text import Row, wrap

MOST_LINES = 200


def output_rows(lines: tuple[OutputLine, ...], width: int) -> tuple[Row, ...]:
    rows: list[Row] = []
    for place, line in enumerate(lines[:MOST_LINES]):
        more = f"  and {line.folded} more like it" if line.folded and not line.noise else ""
        more = f"  {line.folded + 1} lines of detail" if line.noise else more
        role = "muted" if line.noise else "bright" if place == 0 else "text"
        for part, text in enumerate(wrap(line.text, width - 4 - len(more), 3 if place else 12)):
            mark = "▸ " if place == 0 and part == 0 else "  "
            rows.append(((mark, "warn"), (text, role), (more if part == 0 else "", "muted")))
    return tuple(rows)
