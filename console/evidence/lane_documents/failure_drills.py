"""The four failures that a lane promises to survive honestly, and what came of each the last time it was tried."""

from typing import Literal

from console.evidence.errors import LaneSourceError
from console.evidence.lane_documents.drill_observation import DrillObservation, DrillPromise
from console.evidence.lane_documents.places import coordinator
from console.evidence.lane_documents.topology_contract import TopologyContract
from runners.contract.document import Document, Word
from runners.contract.lane import RunContract
from runners.contract.names import Label, NodeId, Sha256, Text
from runners.contract.states import Classification, Disposition

DrillKind = Literal["stale_worker", "upload_disagreement", "contributor_loss", "uneven_worker_speed"]
DRILL_KINDS: tuple[DrillKind, ...] = (
    "stale_worker",
    "upload_disagreement",
    "contributor_loss",
    "uneven_worker_speed",
)
BOUNDARY = (
    "Promises, and beside each the last run that tested it, if one did. A drill without an observed result has "
    "not been rehearsed under this contract, and nothing may be concluded from its promise. An observed result "
    "speaks of the one run that it names."
)
PROMISES: dict[DrillKind, DrillPromise] = {
    "stale_worker": DrillPromise(
        result_classification=Classification.REPLAY_REQUIRED,
        validator_disposition=Disposition.REPLAY_REQUIRED,
        departures=("none", "timed_out"),  # a worker that stays silent past the loss bound has timed out as well
        aggregation_blocked=True,
        replay_required=True,
    ),
    "upload_disagreement": DrillPromise(
        result_classification=Classification.REJECTED,
        validator_disposition=Disposition.REJECTED,
        departures=("none",),
        aggregation_blocked=True,
        replay_required=False,
    ),
    "contributor_loss": DrillPromise(
        result_classification=Classification.REPLAY_REQUIRED,
        validator_disposition=Disposition.REPLAY_REQUIRED,
        departures=("crashed", "timed_out"),
        aggregation_blocked=True,
        replay_required=True,
    ),
    "uneven_worker_speed": DrillPromise(
        result_classification=Classification.WAIT_THEN_REPLAY,
        validator_disposition=Disposition.QUARANTINED,
        departures=("none",),
        aggregation_blocked=True,
        replay_required=True,
    ),
}
FAULTS: dict[DrillKind, tuple[str, str]] = {
    "stale_worker": (
        "The contributor stops sending heartbeats for longer than the stale bound while its process still exists.",
        "Keep what arrives late as evidence, then have the same slice trained again in a new revision.",
    ),
    "upload_disagreement": (
        "The contributor delivers an adapter whose names, shapes or identity are not those that the plan expects.",
        "Leave the upload in quarantine and find out what produced it; the revision is not repeated by itself.",
    ),
    "contributor_loss": (
        "The contributor leaves in the middle of the window: its process dies, or nothing is heard any more.",
        "Nothing is merged from the other contributor alone; repeat the slice once the host passes its gate.",
    ),
    "uneven_worker_speed": (
        "One contributor is done and the other is behind by more than the skew bound.",
        "Wait as long again so that late work is kept, then quarantine the slower one and repeat its slice.",
    ),
}


class DeclaredDrill(Word):
    kind: DrillKind
    affected_node_ids: tuple[NodeId, ...]
    fault: Text
    bounds_ms: tuple[int, ...]  # of the contract's policies, in the order in which they pass; none for an upload
    promise: DrillPromise
    operator_action: Text
    observed: DrillObservation | None


class FailureDrills(Document):
    schema_version: Literal["swarm.failure_drills.v1"] = "swarm.failure_drills.v1"
    lane_id: Label
    contract_digest: Sha256
    plan_digest: Sha256
    topology_digest: Sha256
    drills: tuple[DeclaredDrill, ...]
    claim_boundary: Text

    def drill(self, kind: DrillKind) -> DeclaredDrill:
        return next(drill for drill in self.drills if drill.kind == kind)


Observations = dict[DrillKind, DrillObservation]


def failure_drills(
    contract: RunContract, topology: TopologyContract, observed: Observations | None = None
) -> FailureDrills:
    """Observations of another contract are refused: they say nothing about this lane. Raises LaneSourceError."""
    found = observed or {}
    for kind, observation in found.items():
        if observation.contract_digest != contract.digest:
            raise LaneSourceError(
                f"drill {kind}: expected a run under contract {contract.digest[:12]}, got {observation.run_id} under "
                f"{observation.contract_digest[:12]}; run the drill again on this lane"
            )
    return FailureDrills.seal(
        lane_id=contract.lane_id,
        contract_digest=contract.digest,
        plan_digest=topology.plan_digest,
        topology_digest=topology.digest,
        drills=tuple(_declare(contract, kind, found.get(kind)) for kind in DRILL_KINDS),
        claim_boundary=BOUNDARY,
    )


def affected(contract: RunContract, kind: DrillKind) -> tuple[str, ...]:
    """Uneven speed concerns every contributor; the other faults strike one beside the coordinator, if there is one."""
    everyone = tuple(node.node_id for node in contract.contributors)
    if kind == "uneven_worker_speed":
        return everyone
    others = [node_id for node_id in everyone if node_id != coordinator(contract).node_id]
    return ((others or everyone)[0],)


def bounds_ms(contract: RunContract, kind: DrillKind) -> tuple[int, ...]:
    policies = contract.policies
    bounds: dict[DrillKind, tuple[int, ...]] = {
        "stale_worker": (policies.stale_ms,),
        "upload_disagreement": (),
        "contributor_loss": (policies.stale_ms, policies.loss_ms),
        "uneven_worker_speed": (policies.skew_ms, policies.skew_wait_ms),
    }
    return bounds[kind]


def _declare(contract: RunContract, kind: DrillKind, observed: DrillObservation | None) -> DeclaredDrill:
    fault, action = FAULTS[kind]
    return DeclaredDrill(
        kind=kind,
        affected_node_ids=affected(contract, kind),
        fault=fault,
        bounds_ms=bounds_ms(contract, kind),
        promise=PROMISES[kind],
        operator_action=action,
        observed=observed,
    )
