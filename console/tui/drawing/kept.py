"""The sections of a kept run, each as rows."""

from collections.abc import Callable
from datetime import UTC, datetime

from console.observation.figures import clock, loss, seconds, short, size, words
from console.observation.host_view import backend_word
from console.observation.kept_psionic import SHORTEST_RATE_MS
from console.observation.kept_run import Device, KeptFile, KeptRun
from console.observation.plain import plain
from console.tui.drawing.gauges import bar
from console.tui.drawing.plot import LEGEND, plot
from console.tui.drawing.text import Row, clip_front, labelled, pad, wrap
from console.tui.drawing.verified import verified_line, verified_rows
from console.tui.verification import Verified

SECTIONS = ("verdict", "timeline", "devices", "loss", "adapters", "files", "logs", "audit")
NO_BREAK = "\u2800"  # one cell, and no space to `wrap`
SIZE = 10  # cells
MOST_EVENTS = 500  # a run has some twenty; a stranger's report as many as it likes
CURVES = ("accent", "bright", "digest", "muted", "text")


def tabs(chosen: str, turns: str) -> Row:
    """`turns` names the keys that do."""
    row: list[tuple[str, str]] = []
    for name in SECTIONS:
        row += [(name, "bright*" if name == chosen else "muted"), ("   ", "")]
    return (*row, (turns, "muted"))


def tab_at(x: int) -> int | None:
    """The section whose name stands at that cell."""
    end = 0
    for place, name in enumerate(SECTIONS):
        end += len(name) + 3
        if x < end:
            return place
    return None


def verdict(run: KeptRun, verified: Verified | None, width: int) -> tuple[Row, ...]:
    good = run.classification == "bounded_success"
    glyph, role = ("✓", "ok*") if good else ("✗", "bad*")
    rows: list[Row] = [
        labelled("says", ((f"{glyph} {words(run.classification) or 'nothing that can be read'}", role),), width, 12),
        labelled("checked", verified_line(verified), width, 12),
        *_whole("why", (run.reason,), "text", width),
        labelled("run", ((plain(run.run_id or run.path.name), "bright"), (f"  {run.lane}", "muted")), width, 12),
        *((labelled("promotion", ((words(run.promotion), "text"),), width, 12),) if run.promotion else ()),
        *_whole("publish", (run.publish.strip(": "),), "muted", width),
        *_whole("counted", tuple(f"{count} {name}" for name, count in run.counts), "text", width),
        *_whole("held-out", tuple(f"{name} {loss(value)}" for name, value in run.scores), "text", width),
    ]  # fmt: skip
    rows += [labelled(name, ((value, "text"),), width, 25) for name, value in run.figures]
    kind = "our rules" if run.kind == "swarm" else "the old system's digest rules"
    rows += [(), (("verified here, from the files alone", "bright*"), (f"  by {kind}", "muted"))]
    rows += verified_rows(verified, width)
    rows += [(), (("claim boundary", "bright*"),)]
    rows += [((line, "muted"),) for line in wrap(run.claim_boundary, width, 12)]
    return tuple(rows)


def _whole(label: str, parts: tuple[str, ...], role: str, width: int) -> tuple[Row, ...]:
    """Over as many rows as it needs, at most four; a part that fits into a row isn't broken."""
    lines = wrap(" · ".join(part.replace(" ", NO_BREAK) if len(parts) > 1 else part for part in parts), width - 12, 4)
    return tuple(labelled(label if not place else "", ((line.replace(NO_BREAK, " "), role),), width, 12)
                 for place, line in enumerate(lines) if line)  # fmt: skip


def timeline(run: KeptRun, width: int) -> tuple[Row, ...]:
    if not run.events:
        return ((("no moments are recorded in these documents", "muted"),),)
    start, end = run.events[0].wall_ms, max(event.wall_ms for event in run.events)
    room = max(10, width // 4)
    actors = {event.who for event in run.events}
    by = f", by the {actors.pop()}" if len(actors) == 1 else ""
    rows: list[Row] = [((f"{_day(start)}, {seconds(end - start)} from first to last{by}", "muted"),)]
    for event in run.events[:MOST_EVENTS]:
        place = round((event.wall_ms - start) / max(1, end - start) * (room - 1))
        lane = "─" * place + "◆" + "─" * (room - 1 - place)
        who = f"  {pad(event.who, 18)} " if len(actors) > 1 else "  "
        told = wrap(event.what, width - 12 - room - len(who), 4)
        rows.append(((f"{clock(event.wall_ms, tenths=True)}  ", "muted"), (lane[:place], "line"), ("◆", "accent"),
                     (lane[place + 1 :], "line"), (who, "text"), (told[0], event.role)))  # fmt: skip
        rows += [((" " * (12 + room + len(who)), ""), (line, event.role)) for line in told[1:]]
    if len(run.events) > MOST_EVENTS:
        rows.append(((f"and {len(run.events) - MOST_EVENTS} more: files shows the report that has them", "muted"),))
    return tuple(rows)


def _day(wall_ms: int) -> str:
    try:
        return datetime.fromtimestamp(wall_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return "no date"


def devices(run: KeptRun, width: int) -> tuple[Row, ...]:
    """A table: a row per figure, a column per device."""
    if not run.devices:
        return ((("no device is described in these documents", "muted"),),)
    column = max(16, min(44, (width - 18) // len(run.devices)))
    rows: list[Row] = [((" " * 18, ""), *((pad(device.node_id, column), "bright*") for device in run.devices))]
    for name, value in _FIGURES:
        cells = tuple((pad(value(device) or "not kept", column - 1) + " ", "text" if value(device) else "muted")
                      for device in run.devices)  # fmt: skip
        rows.append(((pad(name, 18), "muted"), *cells))
    shares = tuple((device.share or 0.0) for device in run.devices)
    if any(shares):
        drawn: list[tuple[str, str]] = [(pad("share", 18), "muted")]
        for share in shares:
            drawn += [*bar(share, column - 9), (f" {100 * share:5.1f} % ", "text")]
        rows.append(tuple(drawn))
    for device in run.devices:
        for caveat in device.caveats:
            rows += [(), (("▲ ", "warn"), (f"{device.node_id}  ", "bright"), ("read with care", "warn"))]
            rows += [((f"  {line}", "text"),) for line in wrap(caveat, width - 2, 4)]
    return tuple(rows)


def _ms(value: int | None) -> str:
    return "" if value is None else seconds(value)


def _rate(device: Device) -> str:
    if not device.steps or device.train_ms is None:
        return ""
    if device.train_ms < SHORTEST_RATE_MS:
        return f"too short: {device.steps} in {device.train_ms} ms"
    return f"{device.steps / device.train_ms * 1000:.1f}"


_FIGURES: tuple[tuple[str, Callable[[Device], str]], ...] = (
    ("backend", lambda one: backend_word(one.backend)),
    ("device", lambda one: one.device),
    ("endpoint", lambda one: one.endpoint),
    ("disposition", lambda one: one.disposition),
    ("replay", lambda one: one.replay),
    ("steps", lambda one: "" if one.steps is None else str(one.steps)),
    ("samples presented", lambda one: "" if one.samples is None else str(one.samples)),
    ("final loss", lambda one: "" if one.final_loss is None else f"{one.final_loss:.4g}"),
    ("training took", lambda one: _ms(one.train_ms)),
    ("steps per second", _rate),
    ("longest beat gap", lambda one: _ms(one.longest_gap_ms)),
    ("adapter", lambda one: "" if one.adapter_bytes is None else size(one.adapter_bytes)),
    ("adapter sha256", lambda one: short(one.adapter_sha256) if one.adapter_sha256 else ""),
)


def losses(run: KeptRun, width: int, height: int) -> tuple[Row, ...]:
    if not run.losses:
        return ((("these documents keep no loss by step, only the final ones on the page before", "muted"),),)
    legend: list[tuple[str, str]] = []
    for series, role in zip(run.losses, CURVES, strict=False):
        legend += [
            (f"{LEGEND[len(legend) // 2 % 2]} ", role),
            (f"{series.name} {loss(series.values[0])} to {loss(series.values[-1])}   ", "text"),
        ]
    curves = tuple((role, series.values) for series, role in zip(run.losses, CURVES, strict=False))
    return (tuple(legend), *plot(curves, width, max(6, min(height - 1, 40))))


def listed(files: tuple[KeptFile, ...], width: int) -> tuple[Row, ...]:
    """The end of a long path stays: it tells files apart."""
    room = min(72, width - SIZE)
    names = (pad(clip_front(plain(file.path), room), room) for file in files)
    sizes = (f"{size(file.size_bytes):>{SIZE}}" for file in files)
    return tuple(((name, "text"), (told, "muted")) for name, told in zip(names, sizes, strict=True))


def audit(run: KeptRun, width: int) -> tuple[Row, ...]:
    """Prose over as many rows as it needs."""
    rows: list[Row] = []
    for line in run.audit:
        role = "bright*" if line.startswith("#") else "text"
        rows += [((part, role),) for part in wrap(line, width, 40)]
    return tuple(rows)
