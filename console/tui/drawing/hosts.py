"""A panel per host; fewer lines each when there are many hosts or few rows."""

from console.observation.figures import short, size, whole
from console.observation.host_view import HostView
from console.tui.drawing.box import beside, box, keyed
from console.tui.drawing.card import card_row
from console.tui.drawing.gauges import bar, bounded, sparkline
from console.tui.drawing.host import host_rows
from console.tui.drawing.nobody import nobody
from console.tui.drawing.text import Row, ends, fill, labelled, pad
from console.tui.view import View
from runners.contract.coordinator_records import NodeCard
from runners.contract.lane import Policies

FULL_ROWS, COMPACT_ROWS = 8, 3
CARD_ROWS = FULL_ROWS + 1  # where a host computes on a card; with less room what is told of it takes the place of `mem`
WHOLE_ROWS = 20  # zoomed: everything that is known, nothing cut
_ROLES = {"coordinator": "coord", "validator": "valid", "contributor": "contrib"}


def columns(count: int, width: int) -> int:
    """How many panels stand side by side."""
    return max(1, min(count, width // 36))


def height(views: tuple[HostView, ...], width: int, room: int) -> int:
    """Rows that the panels take, when `room` rows are to spare."""
    count = len(views)
    if count == 0:
        return FULL_ROWS + 2
    lines = -(-count // columns(count, width))
    most = CARD_ROWS if any(one.on_card for one in views) else FULL_ROWS
    for rows in (most, FULL_ROWS, COMPACT_ROWS):
        if lines * (rows + 2) <= room:
            return lines * (rows + 2)
    return count + 2


def hosts(view: View, width: int, total: int) -> tuple[Row, ...]:
    """Exactly `total` rows."""
    views = view.snapshot.hosts
    if not views:
        return nobody(view, width, total)
    if total >= WHOLE_ROWS:
        widths = _widths(len(views), width)
        drawn = (box(((one.host.node_id, "bright*"),), host_rows(one, view, widths[place] - 4), widths[place], total)
                 for place, one in enumerate(views))  # fmt: skip
        return beside(*drawn)
    across = columns(len(views), width)
    lines = -(-len(views) // across)
    each, rest = divmod(total, lines)
    if rest or each - 2 not in (CARD_ROWS, FULL_ROWS, COMPACT_ROWS):
        return box((("hosts", "bright*"),), tuple(_one_line(one, width - 4) for one in views), width, total)
    rows: list[Row] = []
    for start in range(0, len(views), across):
        group = views[start : start + across]
        widths = _widths(across, width)
        panels = [_panel(one, view, widths[place], each) for place, one in enumerate(group)]
        panels += [tuple(((" " * widths[place], ""),) for _ in range(each)) for place in range(len(group), across)]
        rows += beside(*panels)
    return tuple(rows)


def _widths(count: int, width: int) -> list[int]:
    room = width - (count - 1)
    return [room // count + (place < room % count) for place in range(count)]


def _panel(one: HostView, view: View, width: int, height: int) -> tuple[Row, ...]:
    inner = width - 4
    rows = (
        _badge(one, inner),
        _beat(one, view, inner),
        _step(one, inner),
        _loss(one, inner),
        *_memories(one, inner, height - 2),
        _link(one, inner),
        _key(one, inner),
        _last(one, inner),
    )
    roles = " · ".join(_ROLES.get(role, role) if inner < 50 else role for role in one.roles)
    opens = one is view.snapshot.hosts[view.snapshot.worst_host]  # what H leads to
    name = one.host.node_id
    title = keyed(view.keys("app.host"), name) if opens else ((name, "bright*"),)
    return box(title, rows, width, height, note=roles, aside=_gate_age(one, view))


def _gate_age(one: HostView, view: View) -> str:
    """How old the report is that the host takes part by; of a run that is over it would say nothing."""
    gate = one.host.bringup
    if gate is None or view.snapshot.state.closed is not None:
        return ""
    return f"gate {whole(view.snapshot.moment.age_ms(gate.at))} ago"


def _badge(one: HostView, width: int) -> Row:
    badge = one.badge
    return fill(((f"{badge.glyph} {badge.word}", f"{badge.role}*"), (f"  {one.activity}", "muted")), width)


def _gauge_width(width: int) -> int:
    return max(6, width - 6 - 17)


def _beat(one: HostView, view: View, width: int) -> Row:
    policies = view.snapshot.state.policies
    gauge = _gauge_width(width)
    if policies is None:
        return labelled("beat", (("─" * gauge, "line"),), width)
    bounds = (policies.heartbeat_ms, policies.stale_ms, policies.loss_ms)
    if one.beat_age_ms is None:
        said = "beats ended" if one.host.work.beat else "no beat yet"
        return labelled("beat", (*bounded(0, bounds, gauge, "muted"), (f" {said}", "muted")), width)
    age, role = one.beat_age_ms, _beat_role(one.beat_age_ms, policies)
    value = ((f" {age / 1000:.1f} s", role), (f" of {policies.stale_ms / 1000:.1f}", "muted"))
    return labelled("beat", (*bounded(age, bounds, gauge, role), *value), width)


def _beat_role(age: int, policies: Policies) -> str:
    if age >= policies.stale_ms:
        return "bad"
    return "warn" if age >= policies.stale_ms / 2 else "ok"


def _step(one: HostView, width: int) -> Row:
    work, gauge = one.host.work, _gauge_width(width)
    if one.steps <= 0:
        return labelled("step", (("─" * gauge, "line"),), width)
    digits = len(str(one.steps))
    value = ((f" {work.step:>{digits}}", "bright"), (f" of {one.steps}", "muted"))
    return labelled("step", (*bar(work.step / one.steps, gauge), *value), width)


def _loss(one: HostView, width: int) -> Row:
    work, gauge = one.host.work, _gauge_width(width)
    if work.loss is None:
        return labelled("loss", (("─" * gauge, "line"), (" no step yet", "muted")), width)
    speed = "" if not work.step_ms else f" {1000 / work.step_ms:.1f} st/s"
    reached = (
        max(1, round(gauge * work.step / one.steps)) if one.steps else gauge
    )  # the line ends where the bar above does
    return labelled(
        "loss",
        (
            (pad(sparkline(work.losses, min(reached, gauge)), gauge), "accent"),
            (f" {work.loss:.3f}", "bright"),
            (speed, "muted"),
        ),
        width,
    )


def _memories(one: HostView, width: int, rows: int) -> tuple[Row, ...]:
    """The process's and the accelerator's; the second tells more, where there is room for one of them."""
    card = card_row(one.host.work, width, ended=one.beat_age_ms is None)
    if rows >= CARD_ROWS:
        return (_memory(one, width), card if one.on_card else ())  # lines of one kind stand side by side
    return (_memory(one, width) if one.host.work.accelerator is None else card,)


def _memory(one: HostView, width: int) -> Row:
    work, gauge = one.host.work, _gauge_width(width)
    if work.memory_total_bytes <= 0:
        return labelled("mem", (("─" * gauge, "line"), (" not observed", "muted")), width)
    used = work.memory_bytes / work.memory_total_bytes
    whole, unit = size(work.memory_total_bytes).split()
    part = used * float(whole)
    value = ((f" {part:.1f}" if part < 100 else f" {part:.0f}", "bright"), (f" of {whole} {unit}", "muted"))
    return labelled("mem", (*bar(used, gauge, "warn" if used > 0.9 else "accent"), *value), width)


def _link(one: HostView, width: int) -> Row:
    link = one.link
    said = f"{link.glyph} {link.word}".strip()
    card: NodeCard | None = one.host.card
    if card is not None and card.transport == "local":
        return labelled("link", ((said, link.role), (" same machine", "muted")), width)
    rtt = one.host.link.rtt_ms
    time = () if rtt is None else ((f" {rtt:.0f} ms", "bright"),)
    where = (one.host.link.endpoint or (card.contract_endpoint if card else "")).removeprefix("ssh://")
    why = one.host.link.reason if link.role == "warn" else where
    return labelled("link", ((said, link.role), *time, (f" {why}", "muted")), width)


def _key(one: HostView, width: int) -> Row:
    key = one.host.public_key
    if key is None:
        return labelled("key", (("not known yet", "muted"),), width)
    where = f"{one.backend} on {one.computes_on}" if one.computes_on != "not observed" else one.backend
    name = f" {one.host.work.device_name}" if width >= 50 else ""
    return labelled("key", ((short(_fingerprint(key)), "digest"), (f"  {where}", "text"), (name, "muted")), width)


def _fingerprint(key: str) -> str:
    from runners.records.keys import fingerprint

    return fingerprint(key)


def _last(one: HostView, width: int) -> Row:
    last = one.last
    return labelled(
        "last", ((f"{last.glyph} ", last.role), (last.word, "text" if last.role == "ok" else last.role)), width
    )


def _one_line(one: HostView, width: int) -> Row:
    badge = one.badge
    left = (
        (pad(one.short, 10), "bright"),
        (pad(f"{badge.glyph} {badge.word}", 16), badge.role),
        (one.activity, "muted"),
    )
    age = "" if one.beat_age_ms is None else f"beat {one.beat_age_ms / 1000:.1f} s  "
    loss = "" if one.host.work.loss is None else f"  loss {one.host.work.loss:.3f}"
    return ends(left, ((f"{age}step {one.host.work.step} of {one.steps}{loss}", "text"),), width)
