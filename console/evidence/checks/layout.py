"""What may lie where in a bundle, and as what it is read."""

import re

BUNDLE_FILE = "first_swarm_real_run_bundle.json"
SIGNATURE_FILE = "bundle.sig"
MAX_SIGNATURE_BYTES = 4096  # one of Ed25519 takes some 300
NAMESPACE = "swarm-run-bundle"
ADAPTER, CONFIG, RECEIPT = "adapter_model.safetensors", "adapter_config.json", "contributor_receipt.json"
INITIAL = "retained_artifacts/initial_adapter.safetensors"

NODE = r"(?P<node>[a-z0-9][a-z0-9-]{0,63})"
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"

# (path, kind): a kind with a dot is the schema_version of a document in stored form.
PLACES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"operator_manifest\.json", "swarm.operator_manifest.v1"),
        (r"coordinator_runtime_report\.json", "swarm.coordinator_runtime_report.v1"),
        (r"contributor_runtime_report\.json", "swarm.contributor_runtime_report.v1"),
        (r"tailrun_admitted_home_run_summary\.json", "swarm.device_summary.v1"),
        (r"contract/run_contract\.json", "swarm.run_contract.v1"),
        (r"contract/window_plan\.json", "swarm.window_plan.v1"),
        (r"contract/membership_receipt\.json", "swarm.membership_receipt.v1"),
        (r"contract/begin\.json", "begin"),
        (r"contract/(train|held_out)_manifest\.json", "swarm.shard_manifest.v1"),
        (rf"launch/{NAME}_launch_manifest\.json", "swarm.launch_manifest.v1"),
        (rf"launch/{NAME}_launch_receipt\.json", "swarm.launch_receipt.v1"),
        (rf"reports/{NODE}_bringup\.json", "swarm.bringup_report.v1"),
        (rf"reports/{NODE}_bringup\.json\.sig", "signature"),
        (rf"receipts/admission_{NODE}\.json", "swarm.admission_receipt.v1"),
        (rf"receipts/admission_{NODE}\.json\.sig", "signature"),
        (rf"receipts/replay_{NODE}\.json", "swarm.replay_receipt.v1"),
        (r"receipts/score\.json", "swarm.score_receipt.v1"),
        (r"receipts/promotion\.json", "swarm.promotion_receipt.v1"),
        (rf"journals/{NODE}\.(coordinator|contributor)\.r\d{{1,6}}\.e\d{{1,6}}\.jsonl", "journal"),
        (r"retained_artifacts/initial_adapter\.safetensors", "adapter"),
        (rf"retained_artifacts/slice_{NODE}\.safetensors", "shard"),
        (r"retained_artifacts/held_out\.safetensors", "shard"),
        (r"retained_artifacts/merged_artifact_report\.json", "swarm.merged_artifact_report.v1"),
        (r"retained_artifacts/merged/adapter_model\.safetensors", "adapter"),
        (r"retained_artifacts/merged/adapter_config\.json", "json"),
        (rf"retained_artifacts/replayed_{NODE}/adapter_model\.safetensors", "adapter"),
        (rf"retained_artifacts/replayed_{NODE}/step-\d{{6}}\.safetensors", "state"),
        (rf"retained_artifacts/{NODE}/checkpoints/step-\d{{6}}\.safetensors", "state"),
        (rf"retained_artifacts/{NODE}/adapter_model\.safetensors", "adapter"),
        (rf"retained_artifacts/{NODE}/adapter_config\.json", "json"),
        (rf"retained_artifacts/{NODE}/contributor_receipt\.json", "swarm.contributor_receipt.v1"),
        (rf"quarantine/{NODE}/{NAME}", "quarantined"),
        (rf"operator_commands/{NAME}\.json", "swarm.operator_command.v1"),
        (r"previous/first_swarm_real_run_bundle\.json", "swarm.real_run_bundle.v1"),
        (r"previous/window_plan\.json", "swarm.window_plan.v1"),
        (r"previous/bundle\.sig", "text"),
        (r"audit\.md", "text"),
    )
)
ALWAYS = (
    "operator_manifest.json",
    "coordinator_runtime_report.json",
    "contributor_runtime_report.json",
    "contract/run_contract.json",
    "audit.md",
)


def kind_of(path: str) -> tuple[str, str | None] | None:
    """Kind of a path and the node it names; None for a path that the layout doesn't know."""
    for pattern, kind in PLACES:
        if match := pattern.fullmatch(path):
            return kind, match.groupdict().get("node")
    return None
