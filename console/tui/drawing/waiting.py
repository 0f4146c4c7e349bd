"""Who waits for whom, as the host page and the checks say it."""

from console.observation.waiting import Waiting
from console.tui.drawing.text import Row, row_width


def waiting_rows(wait: Waiting, width: int) -> tuple[Row, ...]:
    """On one line, or with the figures below where they don't fit beside it."""
    if not wait.who:
        return (((wait.text, "muted"),),)
    near = wait.bound_ms is not None and wait.age_ms >= wait.bound_ms / 2
    said: Row = (
        (wait.who, "bright"), (" waits for ", "text"), (wait.whom, "bright"), (f" to {wait.what}", "text"),
        (f" · {wait.share}" if wait.share else "", "muted"),
    )  # fmt: skip
    figures: Row = ((wait.measured, "warn" if near else "muted"),)
    if row_width((*said, *figures)) + 2 <= width:
        return ((*said, ("  ", ""), *figures),)
    return (said, (("  ", ""), *figures))
