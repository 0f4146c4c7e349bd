"""What belongs to a lane, whoever launches it: its authorities, launcher, checkers, evidence and finalizer."""

from typing import Literal

from console.evidence.lane_documents.places import LanePlaces
from console.evidence.lane_documents.receipt_contract import ReceiptContract
from console.evidence.lane_documents.topology_contract import TopologyContract
from console.evidence.lane_documents.workflow_plan import WorkflowPlan
from runners.contract.document import Document, Word
from runners.contract.lane import RunContract
from runners.contract.names import Label, Sha256, Text

BOUNDARY = (
    "A table of contents. It binds the lane's frozen documents by digest and names the commands and files that "
    "belong to it, so that another launcher can find them; it says nothing of whether any of those commands ran "
    "or what came of it."
)


class Authority(Word):
    """A frozen document that decides. The path is below `fixtures/`."""

    path: Label
    schema_version: Label
    digest: Sha256


class BoundChecker(Word):
    command: Text
    path: Label  # what it verifies, below `fixtures/`


class BinderProjection(Document):
    schema_version: Literal["swarm.binder_projection.v1"] = "swarm.binder_projection.v1"
    lane_id: Label
    lane_kind: Literal["two_or_more_named_hosts", "one_machine"]
    run_family_id: Label
    authorities: tuple[Authority, ...]
    runbook: Label
    reference_page: Label
    launcher: Text
    live_command: Text
    startup: None  # hosts start nothing by themselves: the coordinator reaches them
    finalizer: Text
    checkers: tuple[BoundChecker, ...]
    evidence: tuple[Label, ...]
    claim_boundary: Text


def binder_projection(
    contract: RunContract, receipts: ReceiptContract, plan: WorkflowPlan, topology: TopologyContract
) -> BinderProjection:
    places, lane = LanePlaces(contract.lane_id), f"--lane {contract.lane_id}"
    documents = (
        (places.of("contract"), contract),
        (places.of("receipt_contract"), receipts),
        (places.of("plan"), plan),
        (places.of("topology"), topology),
    )
    checkers = (
        ("lan", places.of("topology")),
        ("plan", places.of("plan")),
        ("drills", places.of("drills")),
        ("rehearsal", places.rehearsal),
        ("evidence", places.evidence_bundle),
        ("closeout", places.closeout),
    )
    return BinderProjection.seal(
        lane_id=contract.lane_id,
        lane_kind="one_machine" if topology.network_posture == "one_machine_only" else "two_or_more_named_hosts",
        run_family_id=contract.run_family_id,
        authorities=tuple(
            Authority(path=path, schema_version=document.schema_version, digest=document.digest)
            for path, document in documents
        ),
        runbook="docs/runbook.md",
        reference_page="docs/binder-reference.md",
        launcher=f"swarm launch {lane} --run-id RUN_ID --bundle-dir DIR --manifest-only",
        live_command=f"swarm run {lane} --run-id RUN_ID",
        startup=None,
        finalizer="swarm closeout RUN_ID",  # the lane is the run's
        checkers=tuple(BoundChecker(command=f"swarm check {what}", path=path) for what, path in checkers),
        evidence=(places.of("drills"), places.rehearsal, places.evidence_bundle, places.closeout),
        claim_boundary=BOUNDARY,
    )
