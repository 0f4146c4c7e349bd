"""The documents of a run bundle. Paths inside are relative to the bundle's folder."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from runners.contract.coordinator_records import Finding
from runners.contract.document import Document, Word
from runners.contract.journal import Head
from runners.contract.names import Label, NodeId, PublicKey, RunId, Sha256, Text
from runners.contract.receipts import HeldOutScore
from runners.contract.states import Classification, Departure, Disposition, WindowState

BUNDLE_FILE = "first_swarm_real_run_bundle.json"
SIGNATURE_FILE = "bundle.sig"  # SSHSIG over the bytes of BUNDLE_FILE
SIGNATURE_NAMESPACE = "swarm-run-bundle"

RelativePath = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*){0,4}$")
]


class BundleFile(Word):
    path: RelativePath
    size_bytes: int
    sha256: Sha256


class Endpoint(Word):
    node_id: NodeId
    contract_endpoint: Label
    observed_endpoint: Label  # "not_observed" when nothing was reached


class OperatorManifest(Document):
    """What the operator asked for, and where the hosts really were."""

    schema_version: Literal["swarm.operator_manifest.v1"] = "swarm.operator_manifest.v1"
    run_id: RunId
    lane_id: Label
    contract_digest: Sha256
    created_wall_ms: int
    operator_public_key: PublicKey
    endpoints: tuple[Endpoint, ...]
    replay_backend: Label
    claim_boundary: Text


class StateChange(Word):
    before: WindowState
    after: WindowState
    reason: Text
    wall_ms: int


class NodeSummary(Word):
    """What the coordinator holds true about one contributor at the end."""

    node_id: NodeId
    backend_label: Label  # "not_observed" before a bring-up report
    device_label: Label
    device_name: Text
    ready: bool
    heartbeats: int
    longest_heartbeat_gap_ms: int | None  # between arrivals at the coordinator, while clocks ran
    steps_done: int
    departure: Departure | None
    disposition: Disposition
    replay_outcome: Label  # exact, within_tolerance, mismatch, failed, or not_replayed
    adapter_sha256: Sha256 | None


class CoordinatorRuntimeReport(Document):
    schema_version: Literal["swarm.coordinator_runtime_report.v1"] = "swarm.coordinator_runtime_report.v1"
    run_id: RunId
    coordinator_public_key: PublicKey
    started_wall_ms: int
    finished_wall_ms: int
    window_ms: int | None  # from the opening of the window to its last decision, coordinator's clock
    states: tuple[StateChange, ...]
    nodes: tuple[NodeSummary, ...]
    record_counts: dict[str, int]
    journal_heads: tuple[Head, ...]
    observer_gaps_ms: tuple[int, ...]
    skew_ms: int | None
    claim_boundary: Text


class ContributorAccount(Word):
    node_id: NodeId
    node_public_key: PublicKey
    journal_heads: tuple[Head, ...]
    record_counts: dict[str, int]
    backend_label: Label
    device_label: Label
    steps_done: int
    last_loss: float | None
    contributor_receipt_digest: Sha256 | None
    exit_reason: Label


class ContributorRuntimeReport(Document):
    """What the contributors' own journals say. A claim of theirs, verified only as far as signatures and chains."""

    schema_version: Literal["swarm.contributor_runtime_report.v1"] = "swarm.contributor_runtime_report.v1"
    run_id: RunId
    contributors: tuple[ContributorAccount, ...]
    claim_boundary: Text


class RealRunBundle(Document):
    """The verdict of a run, and the sha256 of every other file of the bundle except the signature over this one."""

    schema_version: Literal["swarm.real_run_bundle.v1"] = "swarm.real_run_bundle.v1"
    run_id: RunId
    run_family_id: Label
    lane_id: Label
    result_classification: Classification
    reason: Text
    contract_digest: Sha256
    plan_digest: Sha256 | None
    membership_digest: Sha256 | None
    coordinator_public_key: PublicKey
    operator_public_key: PublicKey
    total_contributions: int
    accepted_contributions: int
    replay_checked_contributions: int
    merge_disposition: Literal["merged", "no_merge"]
    promotion_disposition: Literal["promoted", "held", "not_reached"]
    publish_disposition: Literal["refused"]
    publish_reason: Text
    held_out_scores: tuple[HeldOutScore, ...]
    findings: tuple[Finding, ...]
    claim_boundary: Text
    files: tuple[BundleFile, ...]  # sorted by path
