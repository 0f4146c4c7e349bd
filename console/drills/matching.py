"""Expected records against those that came: in order, with deadlines. Pure; every miss is named."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from console.drills.expectation import DrillExpectation, ExpectedRecord


@dataclass(frozen=True)
class Seen:
    """A record of the coordinator. Clocks of one machine, so `mono_ms` compares with the drill's own."""

    kind: str
    body: dict[str, Any]
    mono_ms: int


@dataclass(frozen=True)
class Story:
    """What a drill observed. `struck_ms` is None while the fault was set up before the run, or never struck."""

    records: tuple[Seen, ...]
    beats_ms: tuple[int, ...] = ()  # heartbeats of the node at fault, by its own journal
    struck_ms: int | None = None


@dataclass(frozen=True)
class Row:
    """One expected record, and what became of it; `problem` is empty when it came as frozen."""

    expected: ExpectedRecord
    seen: Seen | None
    figure_ms: int | None
    since_ms: int | None
    problem: str

    @property
    def kept(self) -> bool:
        return not self.problem


def match(expected: DrillExpectation, story: Story) -> tuple[Row, ...]:
    """One row per expected record. A record is looked for after the one matched before it, and used once."""
    rows: list[Row] = []
    start, previous_ms = 0, story.struck_ms
    for record in expected.records:
        found = next((i for i in range(start, len(story.records)) if _fits(record, story.records[i])), None)
        if found is None:
            rows.append(Row(record, None, None, None, _absence(record, story.records, start)))
            continue
        seen = story.records[found]
        rows.append(_row(record, seen, story, previous_ms))
        start, previous_ms = found + 1, seen.mono_ms
    return tuple(rows)


def forbidden(expected: DrillExpectation, records: Sequence[Seen]) -> tuple[str, ...]:
    """Kinds that must not occur and did: above all, nothing may have been merged."""
    return tuple(kind for kind in expected.never if any(seen.kind == kind for seen in records))


def _fits(expected: ExpectedRecord, seen: Seen) -> bool:
    return seen.kind == expected.kind and all(
        as_text(seen.body.get(name)) == value for name, value in expected.fields.items()
    )


def as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _absence(expected: ExpectedRecord, records: Sequence[Seen], start: int) -> str:
    """Too early is another failure than never, and a near miss says what was different."""
    if any(_fits(expected, seen) for seen in records[:start]):
        return "it came before its turn"
    near = [seen for seen in records[start:] if seen.kind == expected.kind]
    if not near:
        return "no such record"
    wrong = [name for name, value in expected.fields.items() if as_text(near[0].body.get(name)) != value]
    said = ", ".join(f"{name} {as_text(near[0].body.get(name))}" for name in wrong)
    return f"no such record; the nearest says {said}"


def _row(expected: ExpectedRecord, seen: Seen, story: Story, previous_ms: int | None) -> Row:
    figure = None if expected.figure is None else seen.body.get(expected.figure)
    figure_ms = figure if isinstance(figure, int) else None
    since_ms = _since(expected, seen, story, previous_ms)
    return Row(expected, seen, figure_ms, since_ms, "; ".join(_late(expected, figure_ms, since_ms)))


def _since(expected: ExpectedRecord, seen: Seen, story: Story, previous_ms: int | None) -> int | None:
    origin = {
        "previous": previous_ms,
        "fault": story.struck_ms,
        "last_beat": max((beat for beat in story.beats_ms if beat <= seen.mono_ms), default=None),
        None: None,
    }[expected.since]
    return None if origin is None else seen.mono_ms - origin


def _late(expected: ExpectedRecord, figure_ms: int | None, since_ms: int | None) -> Iterator[str]:
    measured = (
        (expected.figure_bounds, expected.figure, figure_ms),
        (expected.since_bounds, f"ms since {expected.since}", since_ms),
    )
    for bounds, name, value in measured:
        if bounds is None:
            continue
        if value is None:
            # The first record of a run whose fault was set up before it has nothing to count from.
            if expected.since != "previous":
                yield f"{name}: expected a measurement, got none"
        elif not bounds.hold(value):
            yield f"{name}: expected more than {bounds.above_ms} and at most {bounds.at_most_ms}, got {value}"
