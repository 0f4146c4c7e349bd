"""What each admitted device did in a run: written into the bundles of lanes that ask for it."""

from pathlib import Path
from typing import Literal

from console.coordination.spec import RunSpec
from console.coordination.state import NodeState, RunState
from runners.contract.document import Document, Word
from runners.contract.names import Label, NodeId, RunId, Sha256, Text
from runners.contract.plan import RECEIPT_FILE
from runners.contract.receipts import ContributorReceipt
from runners.contract.states import Classification, Disposition, ReplayOutcome

SUMMARY_FILE = "tailrun_admitted_home_run_summary.json"
CONFIRMED = (ReplayOutcome.EXACT, ReplayOutcome.WITHIN_TOLERANCE)
BOUNDARY = (
    "One row per device that was admitted to this run. Endpoints are where the coordinator reached it; the document "
    "does not prove over which network. "
)


class DeviceContribution(Word):
    """A device without a contribution has zeros and no digest."""

    node_id: NodeId
    backend_label: Label
    device_label: Label
    device_name: Text
    contract_endpoint: Label
    observed_endpoint: Label
    contributor_receipt_digest: Sha256 | None
    adapter_sha256: Sha256 | None
    upload_bytes: int
    steps: int
    distinct_samples: int
    tokens_presented: int
    train_seconds: float
    tokens_per_second: float
    last_loss: float | None
    share_numerator: int  # this device's distinct samples over those of all that contributed
    share_denominator: int
    disposition: Disposition


class DeviceSummary(Document):
    schema_version: Literal["swarm.device_summary.v1"] = "swarm.device_summary.v1"
    run_id: RunId
    lane_id: Label
    contract_digest: Sha256
    result_classification: Classification
    merge_disposition: Literal["merged", "no_merge"]
    promotion_disposition: Literal["promoted", "held", "not_reached"]
    accepted_contributions: int
    replay_checked_contributions: int
    per_device_contributions: tuple[DeviceContribution, ...]
    claim_boundary: Text


def device_summary(spec: RunSpec, state: RunState, draft: Path) -> DeviceSummary:
    """`draft` is the bundle's folder with the contributors' receipts in it."""
    nodes = [state.nodes[node_id] for node_id in sorted(state.nodes)]
    admitted = [node for node in nodes if node.admission is not None and node.admission.outcome == "admitted"]
    receipts = {node.node_id: _receipt(draft, node.node_id) for node in admitted}
    total = sum(receipt.distinct_samples for receipt in receipts.values() if receipt)
    assert state.classification is not None
    return DeviceSummary.seal(
        run_id=spec.run_id,
        lane_id=spec.contract.lane_id,
        contract_digest=spec.contract.digest,
        result_classification=state.classification,
        merge_disposition="merged" if state.merged else "no_merge",
        promotion_disposition=state.promotion.disposition if state.promotion else "not_reached",
        accepted_contributions=sum(node.disposition is Disposition.ACCEPTED for node in nodes),
        replay_checked_contributions=sum(bool(node.replay and node.replay.outcome in CONFIRMED) for node in nodes),
        per_device_contributions=tuple(_device(node, receipts[node.node_id], total) for node in admitted),
        claim_boundary=BOUNDARY + spec.contract.claim_boundary,
    )


def _receipt(draft: Path, node_id: str) -> ContributorReceipt | None:
    path = draft / "retained_artifacts" / node_id / RECEIPT_FILE
    return ContributorReceipt.read(path.read_bytes()) if path.is_file() else None


def _device(node: NodeState, receipt: ContributorReceipt | None, total: int) -> DeviceContribution:
    assert node.bringup is not None  # nobody is admitted without a report
    seconds = receipt.train_seconds if receipt else 0.0
    tokens = receipt.tokens_presented if receipt else 0
    return DeviceContribution(
        node_id=node.node_id,
        backend_label=node.bringup.backend_label,
        device_label=node.bringup.device_label,
        device_name=node.bringup.device_name,
        contract_endpoint=node.card.contract_endpoint,
        observed_endpoint=node.endpoint,
        contributor_receipt_digest=receipt.digest if receipt else None,
        adapter_sha256=receipt.adapter.sha256 if receipt else None,
        upload_bytes=receipt.adapter.size_bytes + receipt.adapter_config.size_bytes if receipt else 0,
        steps=receipt.steps if receipt else 0,
        distinct_samples=receipt.distinct_samples if receipt else 0,
        tokens_presented=tokens,
        train_seconds=seconds,
        tokens_per_second=receipt.tokens_trained / seconds if receipt and seconds > 0 else 0.0,
        last_loss=receipt.step_losses[-1] if receipt and receipt.step_losses else None,
        share_numerator=receipt.distinct_samples if receipt else 0,
        share_denominator=total,
        disposition=node.disposition,
    )
