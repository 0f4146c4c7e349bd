"""Which of the old documents a JSON object is, and of which generation."""

from typing import Any

# By `schema_version` where it is a text, else by the first of `contract_id` and `scope_window`.
KINDS = {
    "swarm.local_open_adapter_contract.v1": "run_contract",
    "swarm.open_adapter.receipt_contract.v1": "receipt_contract",
    "swarm.first_trusted_lan_topology_contract.v1": "topology_contract",
    "first_swarm_live_workflow_plan_v1": "workflow_plan",
    "swarm_mac_mlx_bringup_v1": "mac_bringup_report",
    "swarm_linux_rtx4080_bringup_v1": "linux_bringup_report",
    "swarm.first_trusted_lan_failure_drills.v1": "failure_drills",
    "swarm.first_trusted_lan_launch_manifest.v1": "launch_manifest",
    "swarm.first_trusted_lan_launch_receipt.v1": "launch_receipt",
    "swarm.first_trusted_lan_rehearsal_report.v1": "rehearsal_report",
    "swarm.first_trusted_lan_evidence_bundle.v1": "evidence_bundle",
    "swarm.first_trusted_lan_closeout_report.v1": "closeout_report",
    "swarm.first_trusted_lan_operator_manifest.v1": "operator_manifest",
    "swarm.first_trusted_tailnet_operator_manifest.v1": "operator_manifest",
    "swarm.first_trusted_lan_runtime_report.v1": "runtime_report",
    "swarm.first_trusted_lan_real_run_bundle.v1": "real_run_bundle",
    "swarm.tailrun_admitted_home_run_summary.v1": "tailnet_summary",
    "swarm.first_trusted_lan_merged_artifact_report.v1": "merged_artifact_report",
    "swarm.first_local_snapshot_publication_report.v1": "publication_report",
    "psionic.runpod_local_training_binder_projection.v1": "binder_projection",
}

# The files of a published snapshot carry no schema id: they are known by fields that only they have.
BY_FIELDS: tuple[tuple[str, frozenset[str]], ...] = (
    ("publish_manifest", frozenset({"publish_id", "files", "manifest_digest", "source_artifact_receipt"})),
    ("compatibility_contract", frozenset({"surfaces", "contract_digest", "state_dict_digest"})),
    ("bundle_manifest", frozenset({"state_dict", "tokenizer", "preferred_serving_formats"})),
    ("tokenizer_contract", frozenset({"digest", "asset_format", "asset_version"})),
)


def kind_of(body: Any) -> str | None:
    """None for a document of another make."""
    if not isinstance(body, dict):
        return None
    for name in ("schema_version", "contract_id", "scope_window"):
        value = body.get(name)
        if isinstance(value, str) and value in KINDS:
            return KINDS[value]
    return next((kind for kind, fields in BY_FIELDS if fields <= set(body)), None)


def shape_of(kind: str, body: dict[str, Any]) -> str:
    """The generation of a document that exists in several; empty where there is one only."""
    if kind == "real_run_bundle":
        kept = isinstance(body.get("merged_artifact"), dict)
        return "with merged artifact" if kept else "older shape: merge claimed, no adapter and no merge retained"
    if kind == "runtime_report":
        kept = isinstance(body.get("retained_artifacts"), dict)
        if body.get("runtime_role") != "coordinator":
            return "contributor: own contribution only, no receipts"
        return "coordinator with retained artifacts" if kept else "coordinator, older shape: no retained artifacts"
    if kind == "operator_manifest":
        ends = [body.get("coordinator"), body.get("contributor")]
        tailnet = any(isinstance(end, dict) and "tailnet_ip" in end for end in ends)
        return "tailnet addresses" if tailnet else "LAN addresses"
    return ""
