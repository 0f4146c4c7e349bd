"""The long act that goes on: for how long, what it said last, and the way to end it."""

import re

from console.observation.figures import seconds
from console.observation.plain import plain
from console.tui.drawing.text import Row, clip, ends, row_width
from console.tui.view import View

_CLOCK = re.compile(r"^\d\d:\d\d:\d\d ")  # how long it goes on stands before it


def job_line(view: View, now_ms: int, width: int) -> tuple[Row, ...]:
    """`now_ms` is monotonic."""
    job = view.job
    if job is None:
        return ()
    end: Row = (
        (("ending, it cleans up first ", "warn"),)
        if job.cancelling
        else ((view.keys("app.cancel"), "bright*"), (" cancels ", "muted"))
    )
    head: Row = (
        (f" {view.keys(job.binding)} ", "bright*"),
        (job.what, "accent*"),
        (f"  {seconds(now_ms - job.began_ms)}  ", "bright"),
    )
    said = clip(_CLOCK.sub("", plain(job.said)), max(0, width - row_width((*head, *end)) - 1))
    return (ends((*head, (said, "muted")), end, width),)
