"""What a drill came to: a document beside the run's bundle that cites it, and a table for people."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from console.drills.expectation import Bounds, DrillExpectation
from console.drills.faults import Strike
from console.drills.matching import Row, Story, forbidden, match
from console.evidence.checks.verdict import Verdict
from console.evidence.lane_documents.drill_observation import DrillObservation, observe
from console.evidence.lane_documents.failure_drills import PROMISES
from runners.contract.document import Document, Word
from runners.contract.names import RunId, Text
from runners.contract.states import Classification

BOUNDARY = (
    "What one rehearsed fault came to on one machine. Delays are measured by the drill from the records' own clocks; "
    "the evidence is the bundle that is cited, and it doesn't know that this was a drill."
)
REPORT_FILE = "drill.json"


class MeasuredRow(Word):
    what: Text
    came: bool
    figure_ms: int | None
    since_ms: int | None
    problem: Text


class DrillReport(Document):
    schema_version: Literal["swarm.drill_report.v1"] = "swarm.drill_report.v1"
    run_id: RunId
    expectation: DrillExpectation
    fault: Text
    struck_wall_ms: int | None  # None for a fault that was set up before the run
    rows: tuple[MeasuredRow, ...]
    observation: DrillObservation  # from the closed bundle; `swarm freeze drills --observed` reads the same
    bundle_findings: tuple[Text, ...]
    reasons: tuple[Text, ...]  # why it failed
    result: Literal["pass", "fail"]
    claim_boundary: Text = BOUNDARY


def judge_drill(
    expected: DrillExpectation, story: Story, strike: Strike | None, bundle: Path, verdict: Verdict
) -> DrillReport:
    """Pass means: every record in order and in time, nothing merged, the promise kept, and a bundle that verifies."""
    rows = match(expected, story)
    observation = observe(PROMISES[expected.kind], (expected.node_id,), bundle)
    reasons = tuple(_reasons(expected, story, rows, observation, verdict))
    return DrillReport.seal(
        run_id=observation.run_id,
        expectation=expected,
        fault=strike.what if strike else _unstruck(expected),
        struck_wall_ms=strike.wall_ms if strike else None,
        rows=tuple(
            MeasuredRow(
                what=row.expected.what,
                came=row.seen is not None,
                figure_ms=row.figure_ms,
                since_ms=row.since_ms,
                problem=row.problem,
            )
            for row in rows
        ),
        observation=observation,
        bundle_findings=tuple(str(finding) for finding in verdict.findings),
        reasons=reasons,
        result="fail" if reasons else "pass",
    )


def _unstruck(expected: DrillExpectation) -> str:
    if expected.case == "another_shape":
        return f"{expected.node_id}: its owner had it publish an adapter of one rank less"
    return "none: it never struck"


def why_unstruck(story: Story) -> str:
    ended = next((one.body["classification"] for one in reversed(story.records) if one.kind == "closed"), None)
    if ended == Classification.STOPPED_BY_OPERATOR:
        return "the run was stopped before the fault struck"
    return "the fault never struck: the contributor was done, or gone, before"


def _reasons(
    expected: DrillExpectation, story: Story, rows: tuple[Row, ...], observation: DrillObservation, verdict: Verdict
) -> Iterator[str]:
    if story.struck_ms is None and expected.case != "another_shape":
        yield why_unstruck(story)
    for row in rows:
        if not row.kept:
            yield f"{row.expected.what}: {row.problem}"
    for kind in forbidden(expected, story.records):
        yield f"expected no {kind}, got one"
    if not observation.as_frozen:
        yield (
            f"promise of {expected.kind}: broken by {observation.result_classification.value}, "
            f"{observation.validator_disposition.value}, departure {observation.departure}, "
            f"{observation.merge_disposition}"
        )
    for finding in verdict.findings[:3]:
        yield f"bundle: {finding}"


def table(report: DrillReport) -> str:
    """Expected against observed, one line per record."""
    rows = [("", "expected", "ms by the record", "ms by the drill", "")]
    for record, row in zip(report.expectation.records, report.rows, strict=True):
        mark = "ok" if not row.problem else "NO"
        figure = _measured(row.figure_ms, record.figure_bounds)
        since = _measured(row.since_ms, record.since_bounds)
        if record.since is not None and since:
            since = f"{since} since {record.since.replace('_', ' ')}"
        rows.append((mark, record.what, figure, since, row.problem))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)) for row in rows]
    head = f"drill {report.expectation.case} on {report.expectation.lane_id}: {report.fault}"
    end = f"{report.result.upper()}  {report.run_id}"
    return "\n".join([head, *(line.rstrip() for line in lines), end, *(f"  {reason}" for reason in report.reasons)])


def _measured(value: int | None, bounds: Bounds | None) -> str:
    if value is None:
        return "-" if bounds is not None and bounds.above_ms >= 0 else ""
    if bounds is None:
        return str(value)
    above = f"{bounds.above_ms} <" if bounds.above_ms >= 0 else ""
    return f"{above} {value} <= {bounds.at_most_ms}".strip()
