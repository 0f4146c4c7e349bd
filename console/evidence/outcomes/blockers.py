"""What stands between a lane and a rehearsed run: unmeasured phases, refusing hosts, an end that was no success."""

from console.evidence.outcomes.closed_bundle import ClosedBundle
from console.evidence.outcomes.phases import Phase
from runners.contract import coordinator_records as rec
from runners.contract.document import Word
from runners.contract.names import Label, NodeId, Text
from runners.contract.states import Classification


class Blocker(Word):
    blocker: Label  # phase_not_measured:<phase>, bringup_refused, admission_refused, run_ended_otherwise
    node_id: NodeId | None
    detail: Text


def blockers(run: ClosedBundle, phases: tuple[Phase, ...]) -> tuple[Blocker, ...]:
    """Empty exactly when the lane may be called rehearsed."""
    found = []
    for refused in run.said(rec.BringupRefused):
        detail = f"{refused.reason}: {refused.detail}"
        found.append(Blocker(blocker="bringup_refused", node_id=refused.node_id, detail=detail[:4000]))
    for decided in run.said(rec.AdmissionDecided):
        if decided.outcome == "refused":
            detail = f"{decided.reason}: {decided.detail}"
            found.append(Blocker(blocker="admission_refused", node_id=decided.node_id, detail=detail[:4000]))
    if run.bundle.result_classification is not Classification.BOUNDED_SUCCESS:
        detail = run.bundle.result_classification.value
        found.append(Blocker(blocker="run_ended_otherwise", node_id=None, detail=detail))
    found += [
        Blocker(blocker=f"phase_not_measured:{phase.phase_id}", node_id=None, detail=phase.evidence_posture)
        for phase in phases
        if phase.evidence_posture != "measured"
    ]
    return tuple(found)
