"""The stages of a live attempt: which were completed, refused or failed, and which were never reached."""

from dataclasses import dataclass
from typing import Literal

from console.evidence.outcomes.closed_bundle import ClosedBundle
from console.evidence.outcomes.phases import PhaseId, measured_phases
from runners.contract import coordinator_records as rec
from runners.contract.document import Word

StageId = Literal[
    "bringup_gate",
    "admission_gate",
    "preparation",
    "contributor_execution",
    "upload",
    "validation",
    "aggregation",
    "promotion_closeout",
]
StageDisposition = Literal["completed", "refused", "failed", "skipped"]
TIMED_BY: dict[StageId, PhaseId] = {
    "bringup_gate": "bring_up",
    "preparation": "prepare",
    "contributor_execution": "train",
    "upload": "fetch",
    "validation": "replay",
    "aggregation": "merge",
}


class Stage(Word):
    stage_id: StageId
    disposition: StageDisposition
    reached: int  # contributors that passed it; of a stage of the coordinator alone, 0 or 1
    required: int
    wallclock_ms: int | None  # None where it was not measured whole


@dataclass(frozen=True)
class _Passed:
    reached: int
    required: int
    refused: bool
    entered: bool

    @property
    def disposition(self) -> StageDisposition:
        if self.refused:
            return "refused"
        if self.reached == self.required:
            return "completed"
        return "failed" if self.entered else "skipped"


def stages(run: ClosedBundle) -> tuple[Stage, ...]:
    ms = {phase.phase_id: phase.wallclock_ms for phase in measured_phases(run, None)}
    return tuple(
        Stage(
            stage_id=stage_id,
            disposition=passed.disposition,
            reached=passed.reached,
            required=passed.required,
            wallclock_ms=ms[TIMED_BY[stage_id]] if stage_id in TIMED_BY else None,
        )
        for stage_id, passed in _all(run).items()
    )


def _all(run: ClosedBundle) -> dict[StageId, _Passed]:
    nodes = [node.node_id for node in run.contributors]
    received = {node: run.last(rec.BringupReceived, node) for node in nodes}
    admitted = {node: run.last(rec.AdmissionDecided, node) for node in nodes}
    arrived = {node: run.last(rec.SubmissionJudged, node) for node in nodes}
    judged = {node: run.last(rec.ContributionJudged, node) for node in nodes}
    opened = run.last(rec.WindowOpened) is not None
    seen = sum(run.last(rec.ContributionSeen, node) is not None for node in nodes)
    return {
        "bringup_gate": _Passed(
            sum(body is not None for body in received.values()), len(nodes), _any(run, rec.BringupRefused), entered=True
        ),
        "admission_gate": _Passed(
            sum(body is not None and body.outcome == "admitted" for body in admitted.values()),
            len(nodes),
            any(body is not None and body.outcome == "refused" for body in admitted.values()),
            entered=any(admitted.values()),
        ),
        "preparation": _Passed(
            sum(run.last(rec.RunnerReady, node) is not None for node in nodes),
            len(nodes),
            refused=False,
            entered=_any(run, rec.PlanBound),
        ),
        "contributor_execution": _Passed(seen, len(nodes), refused=False, entered=opened),
        "upload": _Passed(
            sum(body is not None and body.outcome == "received" for body in arrived.values()),
            len(nodes),
            any(body is not None and body.outcome == "rejected" for body in arrived.values()),
            entered=seen > 0,
        ),
        "validation": _Passed(
            sum(body is not None and body.disposition.value == "accepted" for body in judged.values()),
            len(nodes),
            any(body is not None and body.disposition.value != "accepted" for body in judged.values()),
            entered=_any(run, rec.ReplayJudged),
        ),
        "aggregation": _Passed(int(_any(run, rec.Merged)), 1, refused=False, entered=False),
        "promotion_closeout": _Passed(
            int(_any(run, rec.PromotionDecided)), 1, refused=False, entered=_any(run, rec.Merged)
        ),
    }


def _any(run: ClosedBundle, kind: type[Word]) -> bool:
    return run.last(kind) is not None
