"""One host, line by line: nothing is cut."""

from console.observation.figures import clock, seconds, size, words
from console.observation.host_view import HostView
from console.tui.drawing.card import card_lines
from console.tui.drawing.text import Row, labelled, wrap
from console.tui.drawing.waiting import waiting_rows
from console.tui.view import View
from runners.contract.coordinator_records import BringupReceived
from runners.records.keys import fingerprint

LABEL = 13


def host_rows(one: HostView, view: View, width: int) -> tuple[Row, ...]:
    badge = one.badge
    rows: list[Row] = [
        (
            (one.host.node_id, "bright*"),
            (f"  {badge.glyph} {badge.word}", f"{badge.role}*"),
            (f"  {one.activity}", "text"),
        ),
        *_waiting(one, view, width),
        (),
        _line("roles", ((" · ".join(one.roles) or "not named yet", "text"),), width),
        _line(
            "computes on",
            ((f"{one.backend} on {one.computes_on}", "text"), (f"  {one.host.work.device_name}", "muted")),
            width,
        ),
        _line(
            "key", ((fingerprint(one.host.public_key) if one.host.public_key else "not known yet", "digest"),), width
        ),
    ]
    rows += [*_gate(one, view, width), *_runner(one, view, width), *_links(one, width)]
    return tuple(rows)


def _line(label: str, row: Row, width: int) -> Row:
    return labelled(label, row, width, LABEL)


def _waiting(one: HostView, view: View, width: int) -> tuple[Row, ...]:
    """Who waits for it, or for whom it waits."""
    found = next((wait for wait in view.snapshot.waiting if wait.node_id == one.host.node_id), None)
    return () if found is None else waiting_rows(found, width)


def _gate(one: HostView, view: View, width: int) -> list[Row]:
    gate, admission = one.host.bringup, one.host.admission
    now = view.snapshot.moment
    rows: list[Row] = []
    if gate is None:
        rows.append(_line("bring-up", (("no report yet", "muted"),), width))
    elif isinstance(gate.body, BringupReceived):
        good = gate.body.disposition == "ready_to_attempt"
        age = f"  {seconds(now.age_ms(gate.at))} ago, report {gate.body.report_digest[:16]}"
        rows.append(_line("bring-up", ((words(gate.body.disposition), "ok" if good else "bad"), (age, "muted")), width))
        rows += [_line("", (("· ", "muted"), (reason, "text")), width) for reason in gate.body.reasons]
    else:
        rows.append(_line("bring-up", ((f"{words(gate.body.reason)}: {gate.body.detail}", "bad"),), width))
    if admission is not None:
        word = ("admitted", "ok") if admission.admitted else ("refused", "bad")
        why = (
            f"  token {words(admission.custody)}"
            if admission.admitted
            else f"  {words(admission.reason)}: {admission.detail}"
        )
        rows.append(_line("admission", (word, (why, "muted")), width))
    return rows


def _runner(one: HostView, view: View, width: int) -> list[Row]:
    work, runner = one.host.work, one.host.runner
    since = "" if runner.since is None else f"  since {clock(runner.since.wall_ms)}Z"
    gone = f", {words(runner.departure)}" if runner.departure else ""
    rows = [_line("runner", ((f"{runner.state}{gone}", "text"), (since, "muted")), width)]
    if runner.cause:
        rows += [
            _line("" if place else "cause", ((line, "text"),), width)
            for place, line in enumerate(wrap(runner.cause, width - LABEL, 3))
        ]
    if one.beat_age_ms is not None:
        bounds = view.snapshot.state.policies
        of = f" of {bounds.stale_ms / 1000:.1f} s until stale" if bounds else ""
        rows.append(_line("last beat", ((f"{one.beat_age_ms / 1000:.1f} s old", "text"), (of, "muted")), width))
    if one.steps:
        loss = "" if work.loss is None else f"  loss {work.loss:.4f}"
        speed = "" if not work.step_ms else f"  {1000 / work.step_ms:.1f} steps/s"
        rows.append(_line("step", ((f"{work.step} of {one.steps}", "text"), (loss + speed, "muted")), width))
    if work.memory_total_bytes:
        used = f"{size(work.memory_bytes)} of {size(work.memory_total_bytes)}"
        rows.append(_line("memory", ((used, "text"),), width))
    rows += [_line(label, row, width) for label, row in card_lines(one)]
    last = one.last
    rows.append(_line("submission", ((f"{last.glyph} {last.word}", last.role),), width))
    if one.host.trouble is not None:
        trouble = one.host.trouble
        rows += [
            _line("" if place else "trouble", ((line, "bad"),), width)
            for place, line in enumerate(wrap(f"{words(trouble.reason)}: {trouble.detail}", width - LABEL, 6))
        ]
    return rows


def _links(one: HostView, width: int) -> list[Row]:
    """The way to the host, newest first: what SSH said, in its own words."""
    rows: list[Row] = []
    for place, link in enumerate(reversed(one.host.links)):
        at = "" if link.since is None else f"{clock(link.since.wall_ms)}Z "
        rtt = "" if link.rtt_ms is None else f" {link.rtt_ms:.1f} ms"
        role = "warn" if link.state == "down" else "ok" if link.state == "up" else "muted"
        where = f"  {link.endpoint.removeprefix('ssh://')}{rtt}"
        rows.append(_line("" if place else "link", ((at, "muted"), (link.state.value, role), (where, "text")), width))
        rows += [_line("", ((line, "text"),), width) for line in wrap(link.reason, width - LABEL, 3) if line]
    return rows or [
        _line("link", (("same machine" if one.link.word == "local" else "not observed yet", "muted"),), width)
    ]
