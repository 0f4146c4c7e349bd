"""The rehearsal report of a lane: its phases as measured, where the time went, and whether a run may be attempted."""

from typing import Literal

from console.evidence.outcomes.blockers import Blocker, blockers
from console.evidence.outcomes.bottlenecks import Bottleneck, bottlenecks
from console.evidence.outcomes.citation import RunCitation
from console.evidence.outcomes.closed_bundle import ClosedBundle
from console.evidence.outcomes.phases import Phase, PhaseId, measured_phases, with_stand_in
from runners.contract.document import Document
from runners.contract.names import Label, NodeId, Sha256, Text

BOUNDARY = (
    "This report times one run of the lane, phase by phase, and concludes from what was measured only. A simulated "
    "figure comes from a run of another lane and says nothing about this one's hardware. "
)


class RehearsalReport(Document):
    schema_version: Literal["swarm.rehearsal_report.v1"] = "swarm.rehearsal_report.v1"
    lane_id: Label
    run_family_id: Label
    contract_digest: Sha256
    run: RunCitation
    stand_in: RunCitation | None
    coordinator_node_id: NodeId
    contributor_node_ids: tuple[NodeId, ...]
    phases: tuple[Phase, ...]
    bottlenecks: tuple[Bottleneck, ...]
    remaining_serial_phase_ids: tuple[PhaseId, ...]
    remaining_blockers: tuple[Blocker, ...]
    recommendation: Literal["go", "no_go"]
    claim_boundary: Text


def rehearsal_report(
    run: ClosedBundle, *, bundle_ms: int | None = None, stand_in: ClosedBundle | None = None
) -> RehearsalReport:
    """`go` when nothing blocks. `bundle_ms`: how long closing the bundle took, if that was watched."""
    phases = measured_phases(run, bundle_ms)
    if stand_in is not None:
        phases = with_stand_in(phases, measured_phases(stand_in, None))
    blocking = blockers(run, phases)
    return RehearsalReport.seal(
        lane_id=run.contract.lane_id,
        run_family_id=run.contract.run_family_id,
        contract_digest=run.contract.digest,
        run=run.citation,
        stand_in=stand_in.citation if stand_in else None,
        coordinator_node_id=next(node.node_id for node in run.contract.nodes if "coordinator" in node.roles),
        contributor_node_ids=tuple(node.node_id for node in run.contributors),
        phases=phases,
        bottlenecks=bottlenecks(phases),
        remaining_serial_phase_ids=tuple(
            phase.phase_id for phase in phases if phase.parallelization_posture == "serial"
        ),
        remaining_blockers=blocking,
        recommendation="no_go" if blocking else "go",
        claim_boundary=BOUNDARY + run.contract.claim_boundary,
    )
