"""What a launch put into an operator bundle, and the receipt of having done so. Neither speaks of a live run."""

from typing import Literal

from console.evidence.lane_documents.topology_contract import LaunchStep
from runners.contract.document import Document, Word
from runners.contract.names import Label, NodeId, PublicKey, RunId, Sha256, Signature, Text

BOUNDARY = (
    "Files were written on the operator's own machine. No host was contacted, nothing was admitted, trained or "
    "measured, and a report shown here is as old as it says. The commands below are what an operator would give next."
)
NOT_OBSERVED_BOUNDARY = (
    "No report of this host under this contract was given or found when the bundle was made. That is all this says: "
    "neither that the host would pass nor that it would not."
)


class BringupNotObserved(Document):
    """Holds the place of a report that nobody has."""

    schema_version: Literal["swarm.bringup_not_observed.v1"] = "swarm.bringup_not_observed.v1"
    lane_id: Label
    contract_digest: Sha256
    node_id: NodeId
    disposition: Literal["not_observed"]
    command: Text  # what makes a report, on that host
    claim_boundary: Text


class BoundReport(Word):
    """A host's bring-up report as it lies in the bundle."""

    path: Label
    disposition: Literal[
        "not_observed", "ready_to_attempt", "refused_machine_contract", "refused_training_backend_blocker"
    ]
    digest: Sha256
    origin: Literal["given", "newest_retained", "not_observed"]
    run_id: RunId | None  # the run that the report was made for
    taken_wall_ms: int | None  # by the host's own clock
    age_ms: int | None  # at the making of the bundle; below zero where the host's clock is ahead
    node_public_key: PublicKey | None
    signature: Signature | None  # None where the report came without one


class LaunchHost(Word):
    node_id: NodeId
    host_alias: Label
    contract_endpoint: Label
    run_root: Text
    bringup: BoundReport


class BundledFile(Word):
    path: Label
    size_bytes: int
    sha256: Sha256


class LaunchManifest(Document):
    schema_version: Literal["swarm.launch_manifest.v1"] = "swarm.launch_manifest.v1"
    run_id: RunId
    lane_id: Label
    run_family_id: Label
    created_wall_ms: int
    execution_posture: Literal["local_bundle_materialization_only"]
    hosts_contacted: Literal[0]
    contract_digest: Sha256
    receipt_contract_digest: Sha256
    plan_digest: Sha256
    topology_digest: Sha256
    drills_digest: Sha256
    hosts: tuple[LaunchHost, ...]
    launch_sequence: tuple[LaunchStep, ...]  # the topology's, with this run's name; ${BUNDLE_DIR} is the operator's
    files: tuple[BundledFile, ...]  # sorted by path; all but manifest and receipt
    claim_boundary: Text


class LaunchPhase(Word):
    phase: Label
    status: Literal["completed"]
    path: Label
    elapsed_us: int


class LaunchReceipt(Document):
    """Written last: where it is missing, the bundle is not whole."""

    schema_version: Literal["swarm.launch_receipt.v1"] = "swarm.launch_receipt.v1"
    run_id: RunId
    lane_id: Label
    launch_status: Literal["bundle_materialized"]
    manifest_path: Label
    manifest_digest: Sha256
    manifest_sha256: Sha256  # of the file's bytes
    phases: tuple[LaunchPhase, ...]
    claim_boundary: Text
