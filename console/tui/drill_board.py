"""The four drills as cards: what each would do, what it promised last time, and how one that goes on stands."""

from dataclasses import dataclass, replace
from pathlib import Path

from console.coordination.errors import CoordinationError
from console.coordination.lane_file import load_lane
from console.drills.errors import DrillRefused
from console.drills.expectation import CASES, Case, DrillExpectation, expectation
from console.drills.watched import DrillView, WatchedDrill, last_reports
from console.evidence.lane_documents.failure_drills import DrillKind
from runners.contract.errors import ContractError


@dataclass(frozen=True, slots=True)
class CaseCard:
    case: Case
    expected: DrillExpectation | None
    view: DrillView | None = None  # the newest one, going on or over


@dataclass(frozen=True, slots=True)
class DrillCard:
    kind: DrillKind
    cases: tuple[CaseCard, ...]
    problem: str = ""  # why the lane can't be drilled here


class DrillBoard:
    """`look` belongs into a thread; `cards` are frozen, and another object when something changed."""

    def __init__(self, runs_dir: Path) -> None:
        self.cards: tuple[DrillCard, ...] = ()
        self.going: DrillKind | None = None
        self._runs_dir = runs_dir
        self._watched: dict[Case, WatchedDrill] = {}

    @property
    def problem(self) -> str:
        return next((card.problem for card in self.cards if card.problem), "")

    @property
    def scratch_run(self) -> Path | None:
        """The run of the case that goes on, once its folder is there."""
        views = {case.case: case.view for card in self.cards for case in card.cases}
        for case, watched in self._watched.items():
            view = views.get(case)
            if watched.run_dir.is_dir() and (view is None or view.report is None):
                return watched.run_dir
        return None

    def load(self, lane: str) -> None:
        """What the lane promises, and what is kept of earlier drills."""
        last = last_reports(self._runs_dir)
        self.cards = tuple(_card(lane, kind, last) for kind in CASES)

    def begin(self, kind: DrillKind, run_id: str) -> None:
        """Each case of a drill has a run of its own, named as `swarm drill --run-id` names them."""
        card = next(card for card in self.cards if card.kind == kind)
        self.going, self._watched = kind, {}
        for number, case in enumerate(card.cases):
            if case.expected is not None:
                run_dir = self._runs_dir / (f"{run_id}-{number}" if number else run_id)
                self._watched[case.case] = WatchedDrill(run_dir, case.expected)

    def look(self) -> None:
        """Read on in the runs of the drill that goes on."""
        for case, watched in self._watched.items():
            view = watched.look()
            self.cards = tuple(
                replace(card, cases=tuple(replace(one, view=view) if one.case == case else one for one in card.cases))
                for card in self.cards
            )

    def end(self) -> None:
        """Once more, and no further."""
        self.look()
        self.going, self._watched = None, {}


def _card(lane: str, kind: DrillKind, last: dict[str, DrillView]) -> DrillCard:
    cases, problem = [], ""
    for case in CASES[kind]:
        expected = None
        try:
            expected = expectation(load_lane(lane), case)
        except (DrillRefused, CoordinationError, ContractError, OSError) as error:
            problem = str(error)
        cases.append(CaseCard(case, expected, last.get(case)))
    return DrillCard(kind, tuple(cases), problem)
