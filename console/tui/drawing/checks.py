"""The checks place: stop conditions, promotion gates, the bundle, and everything that `swarm check` can verify."""

from pathlib import Path

from console.observation.conditions import Condition, Verdict
from console.observation.figures import clock, words
from console.observation.line import Ref
from console.observation.plain import plain
from console.tui.check_results import CheckResult, CheckResults
from console.tui.drawing.stops import MARKS
from console.tui.drawing.text import Row, clip, pad, width_of, wrap
from console.tui.drawing.verified import verified_rows
from console.tui.drawing.waiting import waiting_rows
from console.tui.view import Mode, View

Evidence = Ref | Path | None  # what `enter` opens: a record, or a document


class _Sheet:
    """Rows, and beside each its evidence."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.evidence: list[Evidence] = []

    def add(self, *rows: Row, evidence: Evidence = None) -> None:
        self.rows += rows
        self.evidence += [evidence] * len(rows)


def checks(view: View, results: CheckResults | None, width: int) -> tuple[tuple[Row, ...], tuple[Evidence, ...]]:
    sheet = _Sheet()
    sheet.add(
        (("stop conditions", "bright*"), (view.keys.told("  <lines.open> opens the record that proves one"), "muted"))
    )
    if not view.snapshot.conditions:
        nobody = "no run is watched: <app.start> starts one, <place.viewer> opens a retained one"
        sheet.add(((view.keys.told(nobody), "text"),))
    for condition in view.snapshot.conditions:
        sheet.add(*_condition(condition, width), evidence=condition.evidence)
    _waits(sheet, view, width)
    _gates(sheet, view)
    sheet.add((), *_offline(view, width))
    _every(sheet, results, view, width)
    return tuple(sheet.rows), tuple(sheet.evidence)


def _waits(sheet: _Sheet, view: View, width: int) -> None:
    """One line each where it fits; only while a run goes on."""
    waits = {wait.text: wait for wait in view.snapshot.waiting if wait.who}.values()  # said once of both
    if not waits:
        return
    sheet.add((), (("who waits for whom", "bright*"), ("  since when, out of how long", "muted")))
    for wait in waits:
        sheet.add(*waiting_rows(wait, width), evidence=wait.evidence)


def _condition(condition: Condition, width: int) -> tuple[Row, ...]:
    """Verdict, value against limit, margin; since when and by which record; the sentence."""
    glyph, role, word = MARKS[condition.verdict]
    against = " of " if condition.margin else ", wanted " if condition.value else "wanted "
    limit = f"{against}{condition.limit}" if condition.limit else ""
    margin = f"  {condition.margin}" if condition.margin else ""
    told = condition.sentence
    if limit and 42 + width_of(f"{condition.value}{limit}{margin}") > width:
        clear = condition.verdict is Verdict.CLEAR  # what is met needs no second look at what was wanted
        told, limit = told if clear else f"{told}; {limit.removeprefix(', ').strip()}", ""  # whole, on the line below
    head: Row = (
        (f"{glyph} {pad(word.upper(), 7)}", f"{role}*"),
        (pad(condition.label, 32), "text"),
        (f"{condition.value}{limit}", "bright"),
        (margin, role),
    )
    since = f"since {clock(condition.since.wall_ms)}Z  " if condition.since else ""
    place = f"{condition.evidence.file} #{condition.evidence.seq}" if condition.evidence else "no record yet"
    rest = [((f"          {line}", "muted"),) for line in wrap(told, width - 11, 4)]
    return (head, *rest, ((f"          {since}", "muted"), (place, "digest" if condition.evidence else "muted")))


def _gates(sheet: _Sheet, view: View) -> None:
    """What stands between the merge and a publication."""
    promotion = view.snapshot.state.promotion
    if promotion is None:
        return
    sheet.add((), (("promotion gates", "bright*"), (f"  the merge is {promotion.disposition}", "muted")))
    for gate in promotion.gates:
        mark = ("✓ ", "ok") if gate.passed else ("✗ ", "bad")
        value = (f"{gate.value}", "bright" if gate.passed else "bad")
        sheet.add((mark, (pad(words(gate.gate), 40), "text"), value, (f"  {gate.threshold}", "muted")))


def _offline(view: View, width: int) -> tuple[Row, ...]:
    head: Row = (("the bundle, from its files alone", "bright*"),)
    if view.bundle is None:
        gone = view.blind.why if view.blind is not None else ""
        why = "no run is watched" if view.mode is Mode.IDLE else gone or "it is written when the run closes"
        return (head, (("× ", "muted"), (f"nothing to verify: {why}", "muted")))
    key: Row = (
        (f"  {view.keys('checks.verify')}", "bright*"),
        (" verifies it again" if view.verified else " verifies it", "muted"),
    )
    command: Row = ((f"swarm check real-run --bundle {view.bundle}", "muted"),)
    return ((*head, *key), *verified_rows(view.verified, width), command)


def _every(sheet: _Sheet, results: CheckResults | None, view: View, width: int) -> None:
    when = "  not asked in this console yet" if results is None else f"  {results.summary}, at {clock(results.at_ms)}Z"
    key = f"  {view.keys('app.checks')}"
    sheet.add((), (("every swarm check", "bright*"), (key, "bright*"), (" asks all of them", "muted"), (when, "text")))
    for one in results.results if results else ():
        sheet.add(*_result(one, width), evidence=one.place)


def _result(one: CheckResult, width: int) -> tuple[Row, ...]:
    mark = ("✓ VERIFIED ", "ok*") if one.verified else ("✗ NOT     ", "bad*")
    signer = "" if one.signer == "missing" else f"  signer {one.signer}"
    head: Row = (mark, (pad(one.what, 12), "text"), (pad(clip(one.place.name, 46), 47), "text"), (one.counted, "muted"),
                 (signer, "muted"))  # fmt: skip
    told = [
        ((f"           {line}", "text"),) for finding in one.findings for line in wrap(plain(finding), width - 12, 3)
    ]
    return (head, *told)
