"""The evidence bundle of one live attempt: how far it got, and where each contributor stood when it ended."""

from pathlib import Path
from typing import Literal

from console.evidence.outcomes.citation import RunCitation
from console.evidence.outcomes.closed_bundle import ClosedBundle, open_closed
from console.evidence.outcomes.phases import backend_label
from console.evidence.outcomes.places import documents_dir, write_document
from console.evidence.outcomes.stages import Stage, stages
from runners.contract import coordinator_records as rec
from runners.contract.document import Document, Word
from runners.contract.names import Label, NodeId, Sha256, Text
from runners.contract.states import Classification

BOUNDARY = (
    "This document says how far one attempt got. A stage that was not reached is skipped, and a contribution that was "
    "never made has no receipt here. "
)
NOT_REACHED = "promotion_not_reached"
Disposition = Literal["completed", "refused", "failed"]
UploadPosture = Literal["not_planned", "planned_only", "uploaded", "rejected"]
AggregationPosture = Literal["not_executed", "ineligible", "eligible", "merged"]


class ContributorPosture(Word):
    node_id: NodeId
    roles: tuple[Label, ...]
    backend_label: Label
    bringup_posture: Label  # the disposition of its bring-up, or not_observed
    admission_posture: Literal["not_reached", "admitted", "refused"]
    expected_upload_manifest_digest: Sha256 | None
    upload_posture: UploadPosture
    adapter_sha256: Sha256 | None
    replay_posture: Label  # not_executed, or the outcome of its replay
    validator_posture: Label  # not_executed, or the disposition of its contribution
    aggregation_posture: AggregationPosture
    detail: Text  # what its trouble was, in the coordinator's words; empty without one


class PromotionOutcome(Word):
    disposition: Literal["promoted", "held", "no_promotion"]
    missing_gates: tuple[Label, ...]  # promotion_not_reached where no gate was even asked


class AttemptEvidence(Document):
    schema_version: Literal["swarm.attempt_evidence.v1"] = "swarm.attempt_evidence.v1"
    lane_id: Label
    run_family_id: Label
    contract_digest: Sha256
    run: RunCitation
    plan_digest: Sha256 | None
    membership_digest: Sha256 | None
    live_attempt_disposition: Disposition
    live_attempt_reason: Text
    contributors: tuple[ContributorPosture, ...]
    stages: tuple[Stage, ...]
    promotion_outcome: PromotionOutcome
    claim_boundary: Text


def attempt_evidence(run: ClosedBundle) -> AttemptEvidence:
    bundle = run.bundle
    return AttemptEvidence.seal(
        lane_id=bundle.lane_id,
        run_family_id=bundle.run_family_id,
        contract_digest=run.contract.digest,
        run=run.citation,
        plan_digest=bundle.plan_digest,
        membership_digest=bundle.membership_digest,
        live_attempt_disposition=_disposition(bundle.result_classification),
        live_attempt_reason=bundle.reason,
        contributors=tuple(_posture(run, node.node_id, node.roles) for node in run.contributors),
        stages=stages(run),
        promotion_outcome=promotion_outcome(run),
        claim_boundary=BOUNDARY + run.contract.claim_boundary,
    )


def leave_attempt_evidence(bundle: Path) -> Path:
    """Beside a bundle that was just closed, whatever came of the attempt: a refused gate leaves this document too."""
    run = open_closed(bundle)
    document = attempt_evidence(run)
    return write_document(documents_dir(bundle), document.lane_id, "evidence_bundle", document)


def promotion_outcome(run: ClosedBundle) -> PromotionOutcome:
    decided = run.last(rec.PromotionDecided)
    if decided is None:
        return PromotionOutcome(disposition="no_promotion", missing_gates=(NOT_REACHED,))
    missing = tuple(gate.gate for gate in decided.gates if not gate.passed)
    return PromotionOutcome(disposition=decided.disposition, missing_gates=missing)


def _disposition(classification: Classification) -> Disposition:
    if classification is Classification.BOUNDED_SUCCESS:
        return "completed"
    return "refused" if classification.value.startswith("refused_") else "failed"


def _posture(run: ClosedBundle, node_id: str, roles: tuple[str, ...]) -> ContributorPosture:
    admission = run.last(rec.AdmissionDecided, node_id)
    planned = run.plan.assignment(node_id).expected_upload.digest if run.plan else None
    submission = run.last(rec.SubmissionJudged, node_id)
    replay = run.last(rec.ReplayJudged, node_id)
    judged = run.last(rec.ContributionJudged, node_id)
    return ContributorPosture(
        node_id=node_id,
        roles=roles,
        backend_label=backend_label(run, node_id),
        bringup_posture=_bringup(run, node_id),
        admission_posture=admission.outcome if admission else "not_reached",
        expected_upload_manifest_digest=planned,
        upload_posture=_upload(planned, submission),
        adapter_sha256=submission.adapter_sha256 if submission else None,
        replay_posture=replay.outcome.value if replay else "not_executed",
        validator_posture=judged.disposition.value if judged else "not_executed",
        aggregation_posture=_aggregation(run, judged),
        detail=_trouble(run, node_id),
    )


def _bringup(run: ClosedBundle, node_id: str) -> str:
    received, refused = run.last(rec.BringupReceived, node_id), run.last(rec.BringupRefused, node_id)
    if refused is not None:
        return refused.reason
    return received.disposition if received else "not_observed"


def _upload(planned: str | None, submission: rec.SubmissionJudged | None) -> UploadPosture:
    if submission is not None:
        return "uploaded" if submission.outcome == "received" else "rejected"
    return "planned_only" if planned else "not_planned"


def _aggregation(run: ClosedBundle, judged: rec.ContributionJudged | None) -> AggregationPosture:
    if judged is None:
        return "not_executed"
    if judged.disposition.value != "accepted":
        return "ineligible"
    return "merged" if run.last(rec.Merged) else "eligible"


def _trouble(run: ClosedBundle, node_id: str) -> str:
    """The last thing that the coordinator recorded as this node's trouble."""
    kinds = (rec.BringupRefused, rec.PreparationFailed, rec.ContributorFailed)
    told = [entry.body for entry in run.records if isinstance(entry.body, kinds) and entry.body.node_id == node_id]
    refused = run.last(rec.AdmissionDecided, node_id)
    if told:
        return told[-1].detail
    return refused.detail if refused and refused.outcome == "refused" else ""
