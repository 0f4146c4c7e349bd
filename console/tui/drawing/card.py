"""What an accelerator does: one line for the panel, some for the host's page. No figure is ever cut."""

from console.observation.accelerator import TROUBLES, Shown, of, shown
from console.observation.figures import seconds, size, words
from console.observation.host_view import HostView
from console.observation.state import Work
from console.tui.drawing.text import Row, labelled, row_width
from runners.contract.node_records import AcceleratorRead, HeldMemory

GLYPHS = {"warn": "▲", "bad": "✗"}


def card_row(work: Work, width: int, *, ended: bool = False) -> Row:
    """The panel's line: what is wrong first, then the figures that have room, the most telling ones first. Of a runner
    that has `ended` it is how things were: no alarm of now."""
    if work.accelerator is None:
        return labelled("gpu", (("not told", "muted"),), width)
    told, room = _shown(work), width - 6
    parts = [part for part in _parts(told, short=room < 40) if part]
    row: Row = ()
    for part in parts:
        longer = (*row, *((("  ", ""),) if row else ()), *part)
        if row_width(longer) <= room:
            row = longer
    if ended:
        row = tuple((text, "muted" if role == f"{told.role}*" else role) for text, role in row)
    return labelled("gpu", row or (("…" if parts else "tells nothing", "muted"),), width)


def card_lines(one: HostView) -> tuple[tuple[str, Row], ...]:
    """Label and row of each line of the host's page; nothing for a host that computes on a processor."""
    work = one.host.work
    if work.accelerator is None:
        return (("gpu", (("not told", "muted"),)),) if one.on_card else ()
    told = _shown(work)
    figures = [told.busy and f"{told.busy} busy", told.temperature, told.power]
    rows = [_concern(work.accelerator, told)] if told.concern or work.accelerator.trouble else []
    if any(figures):
        rows.append((("  ".join(part for part in figures if part), "text"), (_age(one), "muted")))
    holds_back = "" if told.concern.startswith("throttled") else told.holds_back  # else it stands among the reasons
    if holds_back or told.shared:
        rows.append((("  ".join(part for part in (holds_back, told.shared) if part), "text"),))
    return (*_under("gpu", rows), *_under("gpu memory", _memory_rows(work.accelerator, told)))


def _under(label: str, rows: list[Row]) -> tuple[tuple[str, Row], ...]:
    return tuple(("" if place else label, row) for place, row in enumerate(rows))


def _concern(read: AcceleratorRead, told: Shown) -> Row:
    """The word, and what it rests on."""
    if read.trouble is not None:
        return ((TROUBLES[read.trouble], told.role or "muted"),)
    reasons = read.card.slowing or () if read.card is not None and told.concern.startswith("throttled") else ()
    full = "the next array may not fit" if told.concern == "full" else ""
    why = ", ".join(words(reason) for reason in reasons) or full
    return ((f"{GLYPHS[told.role]} {told.concern}", told.role), (f"  {why}", "muted"))


def late_ms(work: Work) -> int:
    """How much newer its last beat is than its last reading; both by its own clock."""
    if work.accelerator_at is None or work.last_beat is None:
        return 0
    return max(0, work.last_beat.mono_ms - work.accelerator_at.mono_ms)


def _shown(work: Work) -> Shown:
    assert work.accelerator is not None
    return shown(work.accelerator, late_ms=late_ms(work))


def _parts(told: Shown, *, short: bool) -> tuple[Row, ...]:
    concern = told.concern.partition(",")[0] if short else told.concern
    first: Row = ((f"{GLYPHS[told.role]} {concern}", f"{told.role}*"),) if concern else ()
    busy, memory, heat = _padded(told.busy, 5 if not concern else 0), _memory(told), _bright(told.temperature)
    order = (
        (memory, busy, heat) if told.concern == "full" else (busy, heat, memory) if concern else (busy, memory, heat)
    )
    return (first, *order, _muted(told.shared), _muted(told.power), _muted(told.holds_back))


def _memory(told: Shown) -> Row:
    used, of_all, total = told.memory.partition(" of ")
    return ((used, "bright"), (of_all + total, "muted")) if used else ()


def _padded(text: str, width: int) -> Row:
    return ((f"{text:>{width}}", "bright"),) if text else ()


def _bright(text: str) -> Row:
    return ((text, "bright"),) if text else ()


def _muted(text: str) -> Row:
    return ((text, "muted"),) if text else ()


def _age(one: HostView) -> str:
    """Of the reading: it is older than the last beat by the host's clock, and that by ours."""
    return "" if one.beat_age_ms is None else f"  read {seconds(one.beat_age_ms + late_ms(one.host.work))} ago"


def _memory_rows(read: AcceleratorRead, told: Shown) -> list[Row]:
    rows: list[Row] = []
    if read.card is not None and read.card.total_bytes:
        rows.append(((told.memory, "text"), ("  on the card, by all who use it", "muted")))
    if read.held is not None:
        rows += _held(read.held)
    return rows


def _held(held: HeldMemory) -> list[Row]:
    own = f"{size(held.arrays_bytes)} in its arrays"
    more = f", {size(held.cached_bytes)} kept for reuse, {size(held.peak_bytes)} at most"
    rows: list[Row] = [((own, "text"), (more, "muted"))]
    if held.recommended_bytes:
        share = of(held.arrays_bytes + held.cached_bytes, held.recommended_bytes)
        rows.append(((share, "text"), ("  that Metal recommends to hold at once", "muted")))
    return rows
