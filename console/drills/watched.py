"""A drill as somebody else sees it who only reads: what is expected next, by when, and what came."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from console.drills.expectation import DrillExpectation
from console.drills.heard import Heard
from console.drills.matching import Row, Story, match
from console.drills.report import REPORT_FILE, DrillReport
from console.drills.strike import read_strike
from console.observation.errors import ObservationError
from console.observation.source import RunSource
from runners.contract.errors import ContractError
from runners.records.durable import read_regular
from runners.records.errors import RecordsError

MAX_REPORT = 1024 * 1024
Stage = Literal["starting", "waiting", "planted", "struck", "judging", "pass", "fail"]


@dataclass(frozen=True, slots=True)
class Due:
    """The record that is waited for: its place in the order, and how much of its time is over."""

    index: int
    origin_ms: int | None
    at_most_ms: int | None


@dataclass(frozen=True, slots=True)
class DrillView:
    """One case at a moment. `report` is the receipt, once there is one."""

    run_id: str
    stage: Stage
    rows: tuple[Row, ...]
    fault: str = ""
    due: Due | None = None
    report: DrillReport | None = None
    report_path: Path | None = None


class WatchedDrill:
    """`look` reads what came since; it blocks on files, so it belongs into a thread."""

    def __init__(self, run_dir: Path, expected: DrillExpectation) -> None:
        self.run_dir, self.expected = run_dir, expected
        self._heard = Heard(expected.node_id)
        self._source = RunSource(run_dir)

    def look(self) -> DrillView:
        """Never raises for what is not there yet."""
        try:
            for line in self._source.poll().lines:
                self._heard.take(line)
        except (ObservationError, OSError):
            return DrillView(self.run_dir.name, "starting", match(self.expected, Story(())))
        report, strike = read_report(self.run_dir), self._strike()
        if report is not None:
            return view_of(report, self.run_dir, match(self.expected, self._heard.story(strike and strike[1])))
        story = self._heard.story(strike and strike[1])
        rows = match(self.expected, story)
        # Another shape is no strike: the fault lies in the plan of that host from the beginning.
        before: Stage = "planted" if self.expected.case == "another_shape" else "waiting"
        stage: Stage = "judging" if self._heard.last == "closed" else "struck" if strike else before
        due = _due(rows, story) if stage in ("struck", "planted") else None
        return DrillView(self.run_dir.name, stage, rows, strike[0] if strike else "", due)

    def _strike(self) -> tuple[str, int] | None:
        try:
            strike = read_strike(self.run_dir)
        except (ContractError, RecordsError, OSError):
            return None
        return (strike.what, strike.mono_ms) if strike else None


def read_report(run_dir: Path) -> DrillReport | None:
    """None while there is none that reads as one."""
    try:
        return DrillReport.read(read_regular(run_dir / REPORT_FILE, limit=MAX_REPORT))
    except (ContractError, RecordsError, OSError):
        return None


def view_of(report: DrillReport, run_dir: Path, rows: tuple[Row, ...] = ()) -> DrillView:
    """A drill that is over, by its report alone when its records weren't followed."""
    kept = rows or tuple(
        Row(expected, None, row.figure_ms, row.since_ms, row.problem)
        for expected, row in zip(report.expectation.records, report.rows, strict=True)
    )
    return DrillView(run_dir.name, report.result, kept, report.fault, None, report, run_dir / REPORT_FILE)


def last_reports(runs_dir: Path) -> dict[str, DrillView]:
    """The newest report of each case among the runs that are kept here."""
    found: dict[str, tuple[int, DrillView]] = {}
    for path in runs_dir.glob(f"*/{REPORT_FILE}"):
        report = read_report(path.parent)
        if report is None:
            continue
        at = path.stat().st_mtime_ns
        case = report.expectation.case
        if case not in found or at > found[case][0]:
            found[case] = (at, view_of(report, path.parent))
    return {case: view for case, (_, view) in found.items()}


def _due(rows: tuple[Row, ...], story: Story) -> Due | None:
    index = next((place for place, row in enumerate(rows) if row.seen is None), None)
    if index is None:
        return None
    expected = rows[index].expected
    before = rows[index - 1].seen if index else None
    origin = {
        "previous": before.mono_ms if before else story.struck_ms,
        "fault": story.struck_ms,
        "last_beat": max(story.beats_ms, default=None),
        None: None,
    }[expected.since]
    return Due(index, origin, expected.since_bounds.at_most_ms if expected.since_bounds else None)
