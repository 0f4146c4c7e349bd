"""All frozen documents of one lane, made together because each cites the ones before it."""

from dataclasses import dataclass
from pathlib import Path

from console.evidence.errors import LaneSourceError
from console.evidence.lane_documents.binder_projection import BinderProjection, binder_projection
from console.evidence.lane_documents.failure_drills import FailureDrills, Observations, failure_drills
from console.evidence.lane_documents.places import Kind, LanePlaces
from console.evidence.lane_documents.receipt_contract import ReceiptContract, receipt_contract
from console.evidence.lane_documents.sources import LaneSources
from console.evidence.lane_documents.topology_contract import TopologyContract, topology_contract
from console.evidence.lane_documents.workflow_plan import WorkflowPlan, workflow_plan
from runners.contract.document import Document
from runners.contract.errors import ContractError
from runners.contract.lane import RunContract


@dataclass(frozen=True)
class FrozenLane:
    contract: RunContract
    receipts: ReceiptContract
    plan: WorkflowPlan
    topology: TopologyContract
    drills: FailureDrills
    binder: BinderProjection

    def documents(self) -> dict[Kind, Document]:
        return {
            "contract": self.contract,
            "receipt_contract": self.receipts,
            "plan": self.plan,
            "topology": self.topology,
            "drills": self.drills,
            "binder": self.binder,
        }

    @property
    def places(self) -> LanePlaces:
        return LanePlaces(self.contract.lane_id)


def freeze_lane(sources: LaneSources, observed: Observations | None = None) -> FrozenLane:
    """Equal sources and observations give equal bytes."""
    contract = sources.contract
    receipts = receipt_contract(sources)
    plan = workflow_plan(sources, receipts)
    topology = topology_contract(contract, receipts, plan)
    return FrozenLane(
        contract=contract,
        receipts=receipts,
        plan=plan,
        topology=topology,
        drills=failure_drills(contract, topology, observed),
        binder=binder_projection(contract, receipts, plan, topology),
    )


def kept_observations(root: Path, contract: RunContract) -> Observations:
    """Of the drills document that lies below `root` already; those of another contract are no longer this lane's."""
    path = root / LanePlaces(contract.lane_id).of("drills")
    if not path.is_file():
        return {}
    try:
        kept = FailureDrills.read(path.read_bytes())
    except ContractError as error:
        raise LaneSourceError(f"{path}: {error}; remove it to freeze without observed results") from error
    if kept.contract_digest != contract.digest:
        return {}
    return {drill.kind: drill.observed for drill in kept.drills if drill.observed is not None}


def require_no_drift_from_files(frozen: FrozenLane, root: Path) -> None:
    """The documents that lie below `root` must be what the lane freezes to now. Raises LaneSourceError."""
    for kind, document in frozen.documents().items():
        path = root / frozen.places.of(kind)
        if path.is_file() and path.read_bytes() != document.to_bytes():
            raise LaneSourceError(
                f"{path}: expected {document.digest[:12]} as the lane freezes to now, got other bytes; "
                f"`swarm freeze --lane {frozen.contract.lane_id}` writes it again, `git diff` shows what changed"
            )


def retained_lane(root: Path, contract: RunContract) -> tuple[WorkflowPlan, TopologyContract] | None:
    """Plan and topology below `root`, if they were frozen from this very contract. Raises ContractError."""
    places = LanePlaces(contract.lane_id)
    files = [root / places.of(kind) for kind in ("plan", "topology")]
    if not all(path.is_file() for path in files):
        return None
    plan, topology = WorkflowPlan.read(files[0].read_bytes()), TopologyContract.read(files[1].read_bytes())
    same = plan.contract_digest == topology.contract_digest == contract.digest
    return (plan, topology) if same else None
