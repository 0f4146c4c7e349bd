"""What a run's documents say of one another, and the files that its bundle names."""

import json
import posixpath
from typing import Any

from console.evidence.checks.psionic.families import python_text_digest, text_digest
from console.evidence.checks.psionic.recipes_run import submission_of
from console.evidence.checks.psionic.rule import Rule, link
from console.evidence.checks.psionic.scene import Body, InputMissingError, Spot, reach, resolve

RUN, BUNDLE, SUMMARY, MERGED = "runtime_report", "real_run_bundle", "tailnet_summary", "merged_artifact_report"
_ACCEPTED = "promotion_receipt.accepted_contributions[]"


def _report(spot: Spot, role: str) -> Body:
    return spot.scene.beside(spot.document, RUN, role).body


def _receipts(spot: Spot) -> object:
    """The contributor receipt of each role, in the order in which the coordinator names the roles."""
    made = {}
    for role in ("coordinator", "contributor"):
        report = _report(spot, role)
        made[report["role_id"]] = reach(report, "local_contribution.contributor_receipt.receipt_digest")
    return made.get(spot.parent["contributor_role_ids"][spot.key], "no such role")


def _worker_contribution(spot: Spot, worker: object) -> Body:
    for role in ("coordinator", "contributor"):
        report = _report(spot, role)
        if report["node_id"] == worker:
            found: Body = report["local_contribution"]
            return found
    raise InputMissingError("no report of that worker lies in the same folder")


def _one_artifact(spot: Spot) -> object:
    """Three names for the digest of one file, and its receipt's as well."""
    made = spot.owner
    names = ("adapter_delta_digest", "payload_sha256", "adapter_artifact_digest")
    values = {*(made[name] for name in names), made["contributor_receipt"]["adapter_artifact_digest"]}
    return made["adapter_artifact_digest"] if len(values) == 1 else "one digest under every name"


def _artifact(spot: Spot) -> object:
    item = spot.owner
    submission = submission_of(spot.root, "contribution_id", item["contribution_id"])
    upload = submission["upload"]["upload_manifest_digest"]
    name = f"adapter_contribution:{submission['window_id']}:{item['contribution_id']}:{upload}"
    return [name, upload, submission["execution_summary"]["adapter_delta_digest"]]


def _clockwork(spot: Spot) -> object:
    """Membership, plan, heartbeat and acknowledgement at fixed distances from the start."""
    return [spot.root["started_at_ms"] + shift for shift in (10, 20, 30, 41)]


def _times(spot: Spot) -> list[Any]:
    root = spot.root
    heartbeat, acknowledgement = root["heartbeat_receipts"][0], root["acknowledgement_receipts"][0]
    return [
        *(root["membership_receipt"]["observed_at_ms"], root["window_plan"]["planned_at_ms"]),
        *(heartbeat["observed_at_ms"], acknowledgement["acknowledged_at_ms"]),
    ]


def _planned_upload(spot: Spot) -> object:
    worker = spot.parent["worker_id"]
    for assignment in spot.scene.lane("workflow_plan")["contributor_assignments"]:
        if assignment["contributor_node_id"] == worker:
            return assignment["expected_upload_manifest_digest"]
    raise InputMissingError("the plan has no assignment of this worker")


def _place(spot: Spot, name: str) -> str:
    """The file that the bundle names, as a path of the scene. Raises InputMissingError."""
    named = spot.root["artifacts"][name]
    own = posixpath.dirname(str(spot.root["artifacts"]["operator_manifest_path"]))
    place = resolve(spot.document, own, str(named))
    if place is None or place not in spot.scene.hashes:
        raise InputMissingError(f"the file {posixpath.basename(str(named))} does not lie where the bundle's paths lead")
    return place


def _named_file(digest: str, name: str) -> Rule:
    return Rule(BUNDLE, digest, "file", lambda spot: spot.scene.hashes[_place(spot, name)])


def _from_coordinator(path: str, target: str) -> Rule:
    return link(BUNDLE, path, lambda spot: reach(_report(spot, "coordinator"), target))


def _from_contributor(path: str, target: str) -> Rule:
    return link(BUNDLE, path, lambda spot: reach(_report(spot, "contributor"), target))


def _merge(spot: Spot) -> str:
    """How the old writer derived it: from two counts, whatever was merged."""
    counts = (spot.owner["accepted_contributions"], spot.owner["submission_receipt_count"])
    return "merged" if counts == (2, 2) else "no_merge"


def _classification(spot: Spot) -> str:
    done = _merge(spot) == "merged" and spot.owner["replay_checked_contributions"] == 2
    return "bounded_success" if done else "partial_success"


def _sorted_text(spot: Spot) -> str:
    compatibility = _report(spot, "coordinator")["aggregation_compatibility"]
    return text_digest(json.dumps(compatibility, sort_keys=True))


def _kept_file(spot: Spot) -> str:
    """A merged report's adapter, by the coordinator's list of what it kept."""
    name = {
        "local_adapter_artifact_digest": "local_contributor_adapter_path",
        "remote_adapter_artifact_digest": "remote_contributor_adapter_path",
        "merged_adapter_artifact_digest": "merged_adapter_path",
        "merged_portable_bundle_artifact_digest": "merged_portable_bundle_path",
    }[str(spot.key)]
    kept = spot.scene.run_report(spot.root["run_id"], "coordinator")["retained_artifacts"]
    wanted = posixpath.join(spot.document.folder, posixpath.basename(str(kept[name])))
    if wanted not in spot.scene.hashes:
        raise InputMissingError("that adapter file is not among the retained files")
    return spot.scene.hashes[wanted]


def _receipt_of(path: str, role: str) -> Rule:
    return link(MERGED, path, lambda spot: reach(spot.scene.run_report(spot.root["run_id"], role), _RECEIPT))


_SUMMARY_DIGEST = "validator_summary.summary_digest"
_RECEIPT = "local_contribution.contributor_receipt.receipt_digest"

RUN_LINKS: tuple[Rule, ...] = (
    Rule(
        RUN,
        "local_contribution.adapter_artifact_digest",
        "derived",
        _one_artifact,
        name="local_contribution.{adapter_delta_digest,payload_sha256,adapter_artifact_digest}",
    ),
    Rule(
        RUN,
        "local_contribution.execution_summary.average_loss_bps",
        "derived",
        lambda spot: round(float(spot.parent["final_mean_loss"]) * 10_000),
    ),
    Rule(RUN, "window_plan", "derived", _clockwork, name="timestamps", stored=_times, optional=True),
    link(RUN, "promotion_receipt.window_summary_digest", lambda spot: reach(spot.root, _SUMMARY_DIGEST)),
    link(RUN, "aggregation_compatibility.contributor_receipt_digests[]", _receipts),
    Rule(
        RUN,
        f"{_ACCEPTED}.artifact_id",
        "derived",
        _artifact,
        name=f"{_ACCEPTED}.{{artifact_id,manifest_digest,object_digest}}",
        stored=lambda spot: [spot.owner[name] for name in ("artifact_id", "manifest_digest", "object_digest")],
    ),
    link(
        RUN,
        "submission_receipts[].upload.payload_bytes",
        lambda spot: _worker_contribution(spot, spot.parent["worker_id"])["payload_bytes"],
    ),
    link(
        RUN,
        "submission_receipts[].execution_summary.adapter_delta_digest",
        lambda spot: _worker_contribution(spot, spot.parent["worker_id"])["adapter_delta_digest"],
    ),
    link(
        RUN,
        "submission_receipts[].upload.upload_manifest_digest",
        _planned_upload,
        name="submission_receipts[].upload.upload_manifest_digest vs plan expectation",
        stale="the plan's value is a hash of ids, and the old system never compared the two",
    ),
)

BUNDLES: tuple[Rule, ...] = (
    Rule(BUNDLE, "bundle_sha256", "python_text", lambda spot: python_text_digest(spot.root, "bundle_sha256")),
    Rule(SUMMARY, "summary_sha256", "python_text", lambda spot: python_text_digest(spot.root, "summary_sha256")),
    Rule(BUNDLE, "aggregation_compatibility_digest", "python_text", _sorted_text),
    _named_file("coordinator_report_sha256", "coordinator_report_path"),
    _named_file("contributor_report_sha256", "contributor_report_path"),
    _named_file("operator_manifest_sha256", "operator_manifest_path"),
    _from_coordinator("validator_summary_digest", _SUMMARY_DIGEST),
    _from_coordinator("promotion_receipt_digest", "promotion_receipt.receipt_digest"),
    _from_coordinator("replay_receipt_digests", "replay_receipt_digests"),
    _from_coordinator("coordinator_contributor_receipt_digest", _RECEIPT),
    _from_contributor("contributor_contributor_receipt_digest", _RECEIPT),
    _from_coordinator("promotion_disposition", "promotion_receipt.promotion_disposition"),
    _from_coordinator("promotion_hold_reason_codes", "promotion_receipt.hold_reason_codes"),
    *(
        _from_coordinator(f"{name}_contributions", f"validator_summary.{name}_contributions")
        for name in ("total", "accepted", "replay_checked")
    ),
    link(
        BUNDLE,
        "submission_receipt_count",
        lambda spot: len(_report(spot, "coordinator")["submission_receipts"]),
    ),
    Rule(BUNDLE, "merge_disposition", "derived", _merge),
    Rule(BUNDLE, "result_classification", "derived", _classification),
    link(
        SUMMARY,
        "per_device_contributions[].contributor_receipt_digest",
        lambda spot: _worker_contribution(spot, spot.owner["node_id"])["contributor_receipt"]["receipt_digest"],
    ),
    Rule(
        "launch_receipt",
        "manifest_digest",
        "file",
        lambda spot: spot.scene.beside(spot.document, "launch_manifest").sha256,
    ),
    _receipt_of("local_contributor_receipt_digest", "coordinator"),
    _receipt_of("remote_contributor_receipt_digest", "contributor"),
    *(
        Rule(MERGED, f"{name}_artifact_digest", "file", _kept_file)
        for name in ("local_adapter", "remote_adapter", "merged_adapter", "merged_portable_bundle")
    ),
)
