"""The drills place: a card a drill, with what it does to whom, what must hold before, and the evidence as it comes."""

from pathlib import Path
from typing import TYPE_CHECKING

from console.observation.figures import bound, seconds, short, words
from console.observation.plain import plain
from console.tui.drawing.text import Row, clip, clip_front, ends, pad, row_width, width_of, wrap
from console.tui.key_names import KeyNames
from console.tui.keys import DRILL_KEYS

if TYPE_CHECKING:
    from console.drills.expectation import Case, ExpectedRecord
    from console.drills.matching import Row as Match
    from console.drills.watched import Due
    from console.tui.drill_board import CaseCard, DrillCard

DOES: dict["Case", str] = {
    "stale_worker": "SIGSTOP to its runner while it trains: it exists and is silent",
    "another_shape": "its owner publishes an adapter of one rank less than planned",
    "flipped_byte": "one byte of its finished upload is changed on its disk",
    "contributor_loss": "SIGKILL to its runner while it trains",
    "uneven_worker_speed": "its runner is slowed, yet never silent for long enough to be stale",
}
STAGES = {
    "starting": ("◌ STARTING", "accent*"),
    "waiting": ("◌ WAITS TO STRIKE", "accent*"),
    "planted": ("▲ FAULT IS IN PLACE", "warn*"),
    "struck": ("▲ STRUCK", "warn*"),
    "judging": ("◌ JUDGING", "accent*"),
    "pass": ("✓ PASS", "ok*"),
    "fail": ("✗ FAIL", "bad*"),
}
FIGURE, DEADLINE = 6, 28  # cells of a measured time, and of a promise
Targets = tuple[Path | None, ...]


def drills(
    cards: tuple["DrillCard", ...], reasons: dict[str, str | None], keys: KeyNames, now_ms: int, width: int
) -> tuple[tuple[Row, ...], Targets, tuple[str, ...]]:
    """Rows, and beside each the document that `enter` opens, if any, and the run that it is about.

    `now_ms` is monotonic."""
    rows: list[Row] = []
    targets: list[Path | None] = []
    owners: list[str] = []
    for card in cards:
        binding = DRILL_KEYS[card.kind]
        for case in card.cases:
            drawn = _case(card, case, keys, reasons.get(binding), now_ms, width)
            rows += [*drawn, ()]
            path = case.view.report_path if case.view else None
            targets += [path] * (len(drawn) + 1)
            owners += [case.view.run_id if case.view else ""] * (len(drawn) + 1)
    if not cards:
        rows, targets, owners = [(("reading what the lane promises", "muted"),)], [None], [""]
    return tuple(rows), tuple(targets), tuple(owners)


def _case(
    card: "DrillCard", case: "CaseCard", keys: KeyNames, reason: str | None, now_ms: int, width: int
) -> list[Row]:
    view = case.view
    stage, role = STAGES[view.stage] if view else ("○ not drilled here yet", "muted")
    name = words(card.kind) if len(card.cases) == 1 else f"{words(card.kind)}: {words(case.case)}"
    node = case.expected.node_id if case.expected else "no host of this lane"
    told = view.run_id if view else ""
    what: Row = ((f"{keys(DRILL_KEYS[card.kind])} ", "bright*"), (f"{name}  ", "bright*"), (stage, role))
    head = ends(what, ((clip_front(told, width - row_width(what) - 2), "muted"),), width)
    indent = 5 + width_of(node)
    does = wrap(DOES[case.case], width - indent, 3)
    rows: list[Row] = [head, (("   ", ""), (node, "text"), ("  ", ""), (does[0], "muted"))]
    rows += [((" " * indent, ""), (line, "muted")) for line in does[1:]]
    if view is None or view.report is not None:
        rows.append(_before(card, reason))
    if view is not None and view.fault:
        rows.append((("   ", ""), (clip(plain(view.fault), width - 3), "warn" if view.stage == "struck" else "muted")))
    expected = case.expected.records if case.expected else ()
    for place, record in enumerate(expected):
        match = view.rows[place] if view and place < len(view.rows) else None
        due = view.due if view and view.due and view.due.index == place else None
        rows += _evidence(record, match, due, over=bool(view and view.report), now_ms=now_ms, width=width)
    if view is not None and view.report is not None:
        rows += _receipt(view.report.reasons, view.report.digest, keys, width)
    return rows


def _before(card: "DrillCard", reason: str | None) -> Row:
    why = card.problem or reason
    if why:
        return (("   before  ", "muted"), ("× ", "warn"), (plain(why), "text"))
    return (
        ("   before  ", "muted"),
        ("✓ ", "ok"),
        ("nothing runs here, and every contributor is on this machine", "muted"),
    )


def _evidence(
    record: "ExpectedRecord", match: "Match | None", due: "Due | None", *, over: bool, now_ms: int, width: int
) -> list[Row]:
    """What must come, how long it took or how much of its time is over, and by when; a miss says why below it."""
    what = min(44, width - 5 - FIGURE - DEADLINE)
    promised = (f"  {_deadline(record)}", "muted")
    came = match is not None and (match.seen is not None or (over and not match.problem))
    if match is None or (not came and not over):
        glyph, role = ("◌", "accent") if due else ("○", "muted")
        spent = _spent(due, now_ms)
        return [((f"   {glyph} ", role), (pad(words(record.what), what), "text" if due else "muted"), spent, promised)]
    good = not match.problem
    measured = match.since_ms if match.since_ms is not None else match.figure_ms
    figure = f"{seconds(measured) if measured is not None else '':>{FIGURE}}"
    row: Row = ((f"   {'✓' if good else '✗'} ", "ok" if good else "bad"), (pad(words(record.what), what), "text"),
                (figure, "bright" if good else "bad"), promised)  # fmt: skip
    return [row, *(((f"     {line}", "bad"),) for line in wrap(plain(match.problem), width - 5, 3) if line)]


def _deadline(record: "ExpectedRecord") -> str:
    """By when it must have come, and since what."""
    limit = record.since_bounds or record.figure_bounds
    if limit is None:
        return "in this order"
    since = _SINCE.get(record.since or "", "")
    above = f"{limit.above_ms / 1000:g}-" if limit.above_ms > 0 else "within "
    return f"{above}{bound(limit.at_most_ms)} {since}"


_SINCE = {"fault": "after fault", "last_beat": "after last beat", "previous": "after that"}


def _spent(due: "Due | None", now_ms: int) -> tuple[str, str]:
    """How long it is waited for."""
    if due is None or due.origin_ms is None or due.at_most_ms is None:
        return (" " * FIGURE, "")
    spent = max(0, now_ms - due.origin_ms)
    role = "bad*" if spent > due.at_most_ms else "warn*" if spent > due.at_most_ms / 2 else "accent*"
    return (f"{seconds(spent):>{FIGURE}}", role)


def _receipt(reasons: tuple[str, ...], digest: str, keys: KeyNames, width: int) -> list[Row]:
    rows: list[Row] = [
        (("   ✗ ", "bad"), (line, "text")) for reason in reasons for line in wrap(plain(reason), width - 5, 2)
    ]
    return [
        *rows,
        (
            ("   receipt ", "muted"),
            (short(digest), "digest"),
            (f"  drill.json, {keys('lines.open')} opens it", "muted"),
        ),
    ]
