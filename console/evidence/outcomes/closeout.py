"""The end state of a run as one document: five gates, and what became of merge, promotion and publication."""

from typing import Literal

from console.evidence.lane_documents.places import PUBLISH_REPO
from console.evidence.outcomes.attempt import PromotionOutcome, promotion_outcome
from console.evidence.outcomes.citation import RunCitation
from console.evidence.outcomes.closed_bundle import ClosedBundle
from console.evidence.outcomes.publication import TARGET, PublicationReport
from runners.contract import coordinator_records as rec
from runners.contract.document import Document, Word
from runners.contract.names import Label, Sha256, Text
from runners.contract.receipts import GateValue
from runners.contract.states import Disposition

BOUNDARY = (
    "This report states where one run ended. A gate counts as satisfied only by receipts in the cited bundle, and "
    "a snapshot as published only by a publication report that cites it. "
)
CONFIRMED = ("exact", "within_tolerance")


class PublishExpectation(Word):
    """Where a snapshot of this lane goes if a run earns it."""

    publish_id: Label
    target: Label
    repo_id: Label
    expected_local_snapshot_directory: Text


class CloseoutReport(Document):
    schema_version: Literal["swarm.closeout_report.v1"] = "swarm.closeout_report.v1"
    lane_id: Label
    run_family_id: Label
    contract_digest: Sha256
    run: RunCitation
    attempt_evidence_digest: Sha256
    closeout_gates: tuple[GateValue, ...]
    merge_disposition: Literal["merged", "no_merge"]
    promotion_outcome: PromotionOutcome
    publish_disposition: Literal["published", "not_requested", "refused"]
    publication_digest: Sha256 | None
    publish_expectation: PublishExpectation
    remaining_blockers: tuple[Label, ...]  # gates of this report that are not satisfied
    claim_boundary: Text


def closeout_report(
    run: ClosedBundle, attempt_evidence_digest: str, publication: PublicationReport | None
) -> CloseoutReport:
    """`publication` is a verified one of this very bundle, or None."""
    gates = closeout_gates(run)
    outcome = promotion_outcome(run)
    return CloseoutReport.seal(
        lane_id=run.contract.lane_id,
        run_family_id=run.contract.run_family_id,
        contract_digest=run.contract.digest,
        run=run.citation,
        attempt_evidence_digest=attempt_evidence_digest,
        closeout_gates=gates,
        merge_disposition="merged" if run.merge_report else "no_merge",
        promotion_outcome=outcome,
        publish_disposition=_published(outcome, publication),
        publication_digest=publication.digest if publication else None,
        publish_expectation=PublishExpectation(
            publish_id=run.places.publish_id,
            target=TARGET,
            repo_id=PUBLISH_REPO,
            expected_local_snapshot_directory=run.places.snapshot_dir,
        ),
        remaining_blockers=tuple(gate.gate for gate in gates if not gate.passed),
        claim_boundary=BOUNDARY + run.contract.claim_boundary,
    )


def _published(
    outcome: PromotionOutcome, publication: PublicationReport | None
) -> Literal["published", "not_requested", "refused"]:
    if publication is not None:
        return "published"
    return "not_requested" if outcome.disposition == "promoted" else "refused"


def closeout_gates(run: ClosedBundle) -> tuple[GateValue, ...]:
    """In a fixed order, each from receipts in the bundle."""
    required = len(run.contributors)
    members = run.membership.members if run.membership else ()
    present = sum("contributor" in member.roles for member in members)
    accepted = [node.node_id for node in run.contributors if _accepted(run, node.node_id)]
    replays = [receipt for node in accepted if (receipt := run.replay(node)) and receipt.outcome in CONFIRMED]
    promoted = run.promotion.disposition if run.promotion else "not_reached"
    merged = run.merge_report
    return (
        _gate("all_required_contributor_roles_present", present, required),
        _gate("validator_acceptance_receipts_exist", len(accepted), required),
        _gate("replay_receipts_exist_for_accepted_contributions", len(replays), max(1, len(accepted))),
        GateValue(
            gate="aggregation_completed_under_policy",
            passed=merged is not None and len(merged.contributions) == required,
            value=f"{merged.rule} of {len(merged.contributions)}" if merged else "no merge",
            threshold=f"weighted_mean_of_deltas.rank_stacking of {required}",
        ),
        GateValue(
            gate="promotion_earned_local_snapshot",
            passed=promoted == "promoted",
            value=promoted,
            threshold="promoted",
        ),
    )


def _accepted(run: ClosedBundle, node_id: str) -> bool:
    judged = run.last(rec.ContributionJudged, node_id)
    return judged is not None and judged.disposition is Disposition.ACCEPTED


def _gate(gate: str, got: int, needed: int) -> GateValue:
    return GateValue(gate=gate, passed=got == needed, value=str(got), threshold=str(needed))
