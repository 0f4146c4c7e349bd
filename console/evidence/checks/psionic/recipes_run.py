"""The recipes of a coordinator's receipts, also of those that it made and did not keep.

Where a time was never retained it is looked for in a short range: a digest is found or refuted, never assumed.
"""

from collections.abc import Iterable
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.evidence.checks.psionic.families import ABSENT, bar_list_digest, bars, joined, text_digest
from console.evidence.checks.psionic.recipes_lane import cluster_digest, window_rules
from console.evidence.checks.psionic.rule import Rule
from console.evidence.checks.psionic.scene import Body, InputMissingError, Spot, reach

CLAIM_LIFE_MS = 1_800_000  # the run's own value; the frozen bounds are 5 000 and 7 500
SEARCH_MS = range(200)  # unretained times lie this near to the submission
MOST_NODES = 16  # more receipts than this are not searched
REFUTED = "no unretained time near the submission gives the stored digest"


def admission_token(run_id: object, topology_digest: object) -> str:
    """The token of a run: made from two public values, never from the operator's variable."""
    return text_digest(f"first-swarm-trusted-lan-admission|{run_id}|{topology_digest}")


def cluster_id(spot: Spot) -> str:
    token = admission_token(spot.owner["run_id"], spot.owner["topology_contract_digest"])
    return cluster_digest(spot.scene.lane("run_contract")["cluster_namespace"], token)


def score_digest(spot: Spot) -> str:
    score = spot.owner
    if score["promotion_ready"] is not False or "runtime_smoke_passed" in score:
        raise InputMissingError("the labels of a ready or smoke-tested window are in no retained document")
    names: tuple[str, ...] = (
        "total",
        "admitted",
        "accepted",
        "quarantined",
        "rejected",
        "replay_required",
        "replay_checked",
    )
    parts = [score["validator_policy_id"], score["window_id"], *(score[f"{name}_contributions"] for name in names)]
    parts += [score.get("held_out_average_score_bps", ABSENT), score.get("benchmark_pass_rate_bps", ABSENT)]
    parts += ["runtime_smoke_not_required", "promotion_blocked", score["scored_at_ms"]]
    gates = "".join(f"|gate|{reason}" for reason in score.get("gate_reason_codes", []))
    return text_digest(f"psionic_adapter_window_score|{bars(parts)}{gates}")


def aggregate_digest(spot: Spot) -> str:
    """Over ids, digests and one integer weight for each contribution; over no tensor."""
    receipt = spot.owner
    names: tuple[str, ...] = ("contribution_id", "worker_id", "artifact_id", "manifest_digest", "object_digest")
    names += ("aggregation_weight_bps", "validator_receipt_digest", "security_receipt_digest")
    names += ("provenance_bundle_digest",)
    head = joined(
        *(receipt[name] for name in ("aggregation_rule", "adapter_target_id", "input_policy_revision_id")),
        receipt["window_summary_digest"],
    )
    accepted = [bars(item[name] for name in names) for item in receipt["accepted_contributions"]]
    return text_digest(f"psionic_adapter_aggregate|{head}" + "".join(f"|accepted|{item}" for item in accepted))


def promotion_digest(spot: Spot) -> str:
    receipt = spot.owner
    if "output_policy_revision" in receipt or "output_checkpoint_pointer" in receipt:
        raise InputMissingError("no promoted receipt was retained, so its two extra parts are not known")
    names: tuple[str, ...] = (
        "aggregation_rule",
        "training_run_id",
        "stage_id",
        "window_id",
        "contributor_set_revision_id",
    )
    names += ("adapter_target_id", "input_policy_revision_id", "input_checkpoint_pointer_digest")
    parts = ["adapter_policy_promotion_receipt", *(receipt[name] for name in names)]
    parts += [receipt["window_summary_digest"], receipt.get("aggregated_delta_digest", ABSENT)]
    parts += [receipt["promotion_disposition"], ABSENT, ABSENT, receipt["aggregated_at_ms"]]
    return text_digest(bars(parts) + "".join(f"|hold|{reason}" for reason in receipt["hold_reason_codes"]))


def submission_of(root: Body, name: str, value: object) -> Body:
    """The submission with this contribution or worker id."""
    for submission in root["submission_receipts"]:
        if submission[name] == value:
            found: Body = submission
            return found
    raise ValueError(f"a submission whose {name} is that of the receipt")


def replay_digest(spot: Spot) -> object:
    """Expected and observed are one value: what the worker itself submitted."""
    worker = reach(spot.root, "window_plan.selected_node_ids")[spot.key]
    submission = submission_of(spot.root, "worker_id", worker)
    contribution, delta = submission["contribution_id"], submission["execution_summary"]["adapter_delta_digest"]
    return _found(
        spot.value,
        (
            bar_list_digest("adapter_replay_receipt", contribution, delta, delta, "matched", time)
            for time in _times(submission["observed_at_ms"])
        ),
    )


def validator_digest(spot: Spot) -> str:
    """Four receipts, each over the digest of the one before; only the last left a trace."""
    root, window = spot.root, spot.root["window_plan"]
    submission = submission_of(root, "contribution_id", spot.owner["contribution_id"])
    contribution, worker = submission["contribution_id"], submission["worker_id"]
    work = submission["execution_summary"]
    target, revision = window["adapter_target"]["adapter_target_id"], window["input_policy_revision"]["revision_id"]
    pointer, attempt = window["input_checkpoint_pointer"]["pointer_digest"], 0
    place = window["selected_node_ids"].index(worker)
    assigned = bar_list_digest(
        *("adapter_assignment_receipt", window["training_run_id"], window["stage_id"], window["window_id"]),
        *(window["contributor_set_revision_id"], submission["assignment_id"], contribution, worker, target),
        *(window["dataset_slices"][place]["slice_digest"], revision, pointer, attempt, window["planned_at_ms"]),
    )
    delta = work["adapter_delta_digest"]
    executed = bar_list_digest(
        *("adapter_execution_receipt", contribution, assigned, work["started_at_ms"], work["completed_at_ms"]),
        *(work["local_step_count"], work["sample_count"], work.get("average_loss_bps", ABSENT), delta),
    )
    uploaded = bar_list_digest("adapter_upload_receipt", contribution, executed, delta, submission["observed_at_ms"])
    scored = root["validator_summary"]["scored_at_ms"]
    return bar_list_digest(
        "adapter_validator_receipt", contribution, uploaded, "accepted", "validator.accepted", scored
    )


def provenance_digest(spot: Spot) -> object:
    """Signed again here with the worker's key, which anyone can make from its public id."""
    root, accepted = spot.root, spot.owner
    submission = submission_of(root, "contribution_id", accepted["contribution_id"])
    worker, session = submission["worker_id"], submission["session_id"]
    key, public = worker_key(str(worker))
    subject, trust = f"swarm-trusted-lan:{worker}", submission["trust_class"]
    head = ("adapter_provenance_bundle", accepted["artifact_id"], worker, session, subject, trust, public)
    objects = (accepted["manifest_digest"], accepted["object_digest"])
    payloads = [_attested(root, submission, accepted, subject, early) for early in (0, 1)]
    return _found(
        spot.value,
        (
            bar_list_digest(*head, *objects, key.sign(f"{payload}|{time}".encode()).hex(), time)
            for time in _times(submission["observed_at_ms"])
            for payload in payloads
        ),
    )


def _attested(root: Body, submission: Body, accepted: Body, subject: str, early_ms: int) -> str:
    """The signed text without its time. The claim came with the acknowledgement or one millisecond before it."""
    claim, worker, session = submission["claim_id"], submission["worker_id"], submission["session_id"]
    expectation = submission["upload_expectation"]["expectation_digest"]
    ids = (submission["assignment_id"], submission["contribution_id"], submission["window_id"], worker)
    seed, attempt = root["window_plan"]["assignment_seed"], str(claim).rsplit("-", 1)[-1]
    assigned = bar_list_digest("adapter_work_assignment", *ids, expectation, seed)
    sampling = joined("adapter_sample_selection_seed", seed, assigned, worker, session, attempt)
    sample_seed = int.from_bytes(bytes.fromhex(text_digest(sampling))[:8], "little")
    claimed = _acknowledged(root, claim) - early_ms
    revision, pointer = submission["target_policy_revision_id"], submission["target_checkpoint_pointer_digest"]
    claimed_as = bar_list_digest(
        *("adapter_assignment_claim", *ids, session, revision, pointer, expectation, sample_seed, attempt),
        *(claimed, claimed + CLAIM_LIFE_MS),
    )
    return joined(
        *("psionic_adapter_manifest_attestation", "manifest_envelope", ids[0], assigned, claim, claimed_as),
        *(ids[1], ids[2], worker, session, subject, submission["trust_class"], revision, pointer, expectation),
        *(submission["receipt_digest"], submission["upload"]["upload_reference"]),
        *(accepted["manifest_digest"], accepted["object_digest"]),
    )


def security_digest(spot: Spot) -> object:
    accepted = spot.owner
    submission = submission_of(spot.root, "contribution_id", accepted["contribution_id"])
    names: tuple[str, ...] = ("claim_id", "assignment_id", "contribution_id", "worker_id", "session_id")
    parts = ("adapter_contribution_security_receipt", accepted["artifact_id"], *(submission[name] for name in names))
    parts += ("accepted", "signature_verified", accepted["provenance_bundle_digest"])
    times = _times(submission["observed_at_ms"])
    return _found(spot.value, (bar_list_digest(*parts, time) for time in times))


def worker_key(worker: str) -> tuple[Ed25519PrivateKey, str]:
    """The old system's private key of a worker, and the public one as hex."""
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text_digest(f"first-swarm-trusted-lan|{worker}")))
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return key, raw.hex()


def _acknowledged(root: Body, claim: object) -> int:
    for receipt in root["acknowledgement_receipts"]:
        if receipt["claim_id"] == claim:
            return int(receipt["acknowledged_at_ms"])
    raise ValueError("an acknowledgement of the claim")


def _times(around: Any) -> list[int]:
    if type(around) is not int:
        raise ValueError("a time in whole milliseconds")
    return [around + shift for shift in SEARCH_MS]


def _found(stored: object, candidates: Iterable[str]) -> object:
    return next((digest for digest in candidates if digest == stored), REFUTED)


_ACCEPTED = "promotion_receipt.accepted_contributions[]"

RUN: tuple[Rule, ...] = (
    Rule("runtime_report", "cluster_id", "mixed", cluster_id),
    *window_rules("runtime_report"),
    Rule("runtime_report", "validator_summary.summary_digest", "mixed", score_digest),
    Rule("runtime_report", "promotion_receipt.aggregated_delta_digest", "mixed", aggregate_digest),
    Rule("runtime_report", "promotion_receipt.receipt_digest", "mixed", promotion_digest),
    Rule("runtime_report", f"{_ACCEPTED}.validator_receipt_digest", "bar_list", validator_digest),
    Rule("runtime_report", f"{_ACCEPTED}.provenance_bundle_digest", "bar_list", provenance_digest, most=MOST_NODES),
    Rule("runtime_report", f"{_ACCEPTED}.security_receipt_digest", "bar_list", security_digest, most=MOST_NODES),
    Rule("runtime_report", "replay_receipt_digests[]", "bar_list", replay_digest, most=MOST_NODES),
)
