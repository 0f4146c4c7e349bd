"""Two or more lanes against one clock: beats as ticks, silence hatched, what was made as glyphs."""

from itertools import pairwise

from console.observation.figures import clock, words
from console.observation.host_view import HostView
from console.tui.drawing.box import box
from console.tui.drawing.text import Row, pad, width_of
from console.tui.view import View
from runners.contract.lane import Policies
from runners.contract.states import Phase

SCALES_MS = (100, 150, 200, 250, 300, 400, 500, 750, 1000, 1500, 2000, 3000, 5000, 10_000, 30_000, 60_000, 600_000)
TICKS_MS = (1000, 2000, 3000, 5000, 10_000, 15_000, 30_000, 60_000, 300_000, 600_000, 3_600_000, 36_000_000)
NAME_WIDTH = 14


def height(count: int) -> int:
    return 2 * count + 3


def timeline(view: View, width: int, total: int) -> tuple[Row, ...]:
    """Exactly `total` rows: an axis, and for each host a lane and its captions."""
    policies, axis = view.snapshot.state.policies, _axis_of(view, width)
    if axis is None or policies is None:
        rows: tuple[Row, ...] = ((), (("beats and receipts are drawn against the clock once a run goes on", "muted"),))
        return box((("timeline", "bright*"),), rows, width, total)
    drawn: list[Row] = [axis.labels()]
    for one in view.snapshot.hosts:
        drawn += _lane(one, axis, policies)
    note = f"{axis.scale_ms / 1000:g} s per cell · │ beat  ◆ produced  ╱ silence  ● received"
    return box((("timeline", "bright*"),), tuple(drawn), width, total, note=note)


def moment_at(view: View, width: int, x: int) -> int | None:
    """The moment that is drawn at a cell of the panel; None beside the axis, and after its end."""
    axis = _axis_of(view, width)
    cell = x - 2 - NAME_WIDTH - 1
    if axis is None or not 0 <= cell < axis.cells:
        return None
    wall_ms = axis.start_ms + (cell + 1) * axis.scale_ms - 1  # what is drawn there has happened by then
    return wall_ms if axis.cell(axis.end_ms) >= cell else None


def _axis_of(view: View, width: int) -> "_Axis | None":
    state, cells = view.snapshot.state, width - 4 - NAME_WIDTH - 1
    if state.opened is None or cells < 20:
        return None
    start = state.opened.wall_ms
    end = state.closed_at.wall_ms if state.closed_at else max(view.snapshot.moment.now.wall_ms, start)
    scale = next((one for one in SCALES_MS if end - start < one * (cells - 2)), SCALES_MS[-1])
    return _Axis(start, end, scale, cells)


class _Axis:
    """Maps moments to cells."""

    def __init__(self, start_ms: int, end_ms: int, scale_ms: int, cells: int) -> None:
        self.start_ms, self.end_ms, self.scale_ms, self.cells = start_ms, end_ms, scale_ms, cells

    def cell(self, wall_ms: int) -> int:
        return (wall_ms - self.start_ms) // self.scale_ms

    def labels(self) -> Row:
        """Round moments, far enough apart to be read."""
        step = next((tick for tick in TICKS_MS if tick >= 9 * self.scale_ms), TICKS_MS[-1])
        text = list(" " * self.cells)
        for wall_ms in range(-(-self.start_ms // step) * step, self.start_ms + self.cells * self.scale_ms, step):
            cell = self.cell(wall_ms)
            label = clock(wall_ms) if cell == 0 else clock(wall_ms)[3:]
            if cell + len(label) <= self.cells:
                text[cell : cell + len(label)] = label
        return ((" " * (NAME_WIDTH + 1), ""), ("".join(text), "muted"))


def _lane(one: HostView, axis: _Axis, policies: Policies) -> list[Row]:
    marks: dict[int, tuple[str, str]] = {}
    captions: list[tuple[int, str, str]] = []
    host, work = one.host, one.host.work
    offset = _clock_offset(one)
    beats = [beat - offset for beat in work.beats]
    first = host.launched.wall_ms if host.launched else None
    if first is not None:
        _draw_life(marks, axis, one, beats, policies)
        captions.append((axis.cell(first), "prepares", "muted"))
    if host.bringup:
        marks[axis.cell(host.bringup.at.wall_ms)] = ("▪", "accent")
    if host.ready:
        marks[axis.cell(host.ready.wall_ms)] = ("▪", "ok")
        captions.append((axis.cell(host.ready.wall_ms), "ready", "muted"))
    if work.began and work.phase in (Phase.TRAINING, Phase.WRITING, Phase.PRODUCED):
        at = axis.cell(work.began.wall_ms - offset) + 8
        captions.append(
            (at, f"{'training' if work.phase is Phase.TRAINING else 'trained'} {work.step} of {one.steps}", "muted")
        )
    if host.seen:
        marks[axis.cell(host.seen.wall_ms)] = ("◆", "accent")
        captions.append((axis.cell(host.seen.wall_ms), "produced", "muted"))
    if host.submission:
        good = host.submission.body.outcome == "received"
        at = axis.cell(host.submission.at.wall_ms)
        at += host.seen is not None and at == axis.cell(host.seen.wall_ms)  # both are shown, however near
        marks[at] = ("●", "ok") if good else ("✗", "bad")
    if host.replay:
        at = axis.cell(host.replay.at.wall_ms)
        captions.append((at - 8, f"replay {words(host.replay.body.outcome)}", "muted"))
        marks[at] = ("◆", "digest")
    if one.badge.role in ("warn", "bad") and first is not None:
        captions.append((axis.cell(axis.end_ms) - 10, f"{one.badge.word.lower()}", one.badge.role))
    name = ((pad(host.node_id, NAME_WIDTH), "text"), (" ", ""))
    return [(*name, *_join(marks, axis.cells)), ((" " * (NAME_WIDTH + 1), ""), *_captions(captions, axis.cells))]


def _clock_offset(one: HostView) -> int:
    """How far the host's clock stands from the coordinator's, from the one moment that both journaled."""
    if one.host.ready is None or one.host.work.ready is None:
        return 0
    offset = one.host.work.ready.wall_ms - one.host.ready.wall_ms
    return offset if abs(offset) > 2000 else 0


def _draw_life(
    marks: dict[int, tuple[str, str]], axis: _Axis, one: HostView, beats: list[int], policies: Policies
) -> None:
    first = one.host.launched.wall_ms if one.host.launched else axis.end_ms
    for cell in range(axis.cell(first), axis.cell(beats[0]) if beats else axis.cell(axis.end_ms) + 1):
        marks[cell] = ("─", "muted")
    ended = one.host.work.exited or one.host.runner.state.value == "exited" or one.host.released
    last = beats[-1] if beats else first
    points = [*beats, axis.end_ms] if beats and not ended else beats
    for before, after in pairwise(points):
        silent = after - before > policies.stale_ms / 2
        role = "bad" if after - before > policies.stale_ms else "warn"
        for cell in range(axis.cell(before) + 1, axis.cell(after) + (after > last)):
            marks[cell] = ("╱", role) if silent else ("·", "muted")
    for beat in beats:
        marks[axis.cell(beat)] = ("│", "ok")


def _join(marks: dict[int, tuple[str, str]], cells: int) -> Row:
    row: list[tuple[str, str]] = []
    for cell in range(cells):
        text, role = marks.get(cell, (" ", ""))
        if row and row[-1][1] == role:
            row[-1] = (row[-1][0] + text, role)
        else:
            row.append((text, role))
    return tuple(row)


def _captions(captions: list[tuple[int, str, str]], cells: int) -> Row:
    """Left to right; one that would run into the next is moved, one that has no room is left out."""
    row: list[tuple[str, str]] = []
    place = 0
    for cell, text, role in sorted(captions):
        start = min(max(cell, place + 2 if place else 0), cells)
        if start + width_of(text) > cells:
            start = cells - width_of(text)
            if start < place + 2:
                continue
        row += [(" " * (start - place), ""), (text, role)]
        place = start + width_of(text)
    return tuple(row)
