"""The mixed recipes of the lane's frozen documents, and the links that need a look-up."""

from typing import Any

from console.evidence.checks.psionic.families import ABSENT, bar_list_digest, bars, joined, text_digest
from console.evidence.checks.psionic.notation import compact
from console.evidence.checks.psionic.rule import Rule, link
from console.evidence.checks.psionic.scene import Body, InputMissingError, Spot
from console.evidence.checks.psionic.tables import RECEIPTS

# Literals of the old writers that their documents don't carry.
SAMPLE_TOKEN = "swarm-local-shared-secret"  # noqa: S105  printed in the old source; that it is public is a finding
ADAPTER_REVISION = "r1"
_MISMATCHED = "psionic_first_swarm_trusted_lan_mismatched_manifest"
GATE_ADAPTERS = {"mac_bringup_report": "swarm-mac-mlx", "linux_bringup_report": "swarm-linux-cuda"}


def split_digest(spot: Spot) -> str:
    samples = "".join(f"|sample|{sample}" for sample in spot.owner["sample_ids"])
    key = spot.root["dataset"]["dataset_storage_key"]
    return text_digest(f"psionic_first_swarm_split|{key}|{spot.owner['split_name']}{samples}")


def dataset_manifest_digest(spot: Spot) -> str:
    parts = "".join(f"|split|{split['split_name']}|{split['split_digest']}" for split in spot.owner["splits"])
    head = joined(spot.owner["dataset_storage_key"], tokenizer_digest(spot.owner["tokenizer"]))
    return text_digest(f"psionic_first_swarm_dataset_manifest|{head}{parts}")


def tokenizer_digest(tokenizer: Body) -> str:
    text = joined(tokenizer["family"], tokenizer["tokenizer_digest"], tokenizer["vocab_size"])
    for mark, name in (("special", "special_tokens_digest"), ("template", "template_digest")):
        text += f"|{mark}|{tokenizer[name]}" if name in tokenizer else ""
    return text_digest(f"psionic_tokenizer_digest|{text}")


def cluster_digest(namespace: str, token: str) -> str:
    return text_digest(f"{namespace}\0{token}")


def config_digest(plan: Body) -> str:
    """The method and the two adapter numbers stand without bars between them."""
    graph, adapter = plan["recipe_plan"]["run_graph"], plan["recipe_plan"]["adapter_execution"]
    environment = f"{graph['environment']['environment_ref']}@{graph['environment']['version']}"
    family = plan["recipe_plan"]["policy_revision"]["policy_family"]
    method = plan["recipe_plan"]["method"].title()
    head = joined(graph["run_id"], graph["cluster_id"], graph["checkpoint_family"], environment, method, family)
    numbers = f"{adapter['rank']}{float(adapter['alpha']):.6f}"
    return "sha256:" + text_digest(f"psionic_mlx_recipe_config|{head}|adapter|{method}{numbers}")


def policy_digest(config: str) -> str:
    return "sha256:" + text_digest(f"psionic_mlx_recipe_policy|{config}")


def report_digest(spot: Spot) -> str:
    report = spot.owner
    head = joined(report["workflow_id"], report["dataset_kind"], report["dataset_manifest_digest"])
    parts = "".join(f"|split|{item['split_name']}|{item['datastream_manifest_digest']}" for item in report["splits"])
    return "sha256:" + text_digest(f"psionic_mlx_synthetic_report|{head}{parts}")


def membership_digest(receipt: Body) -> str:
    parts: list[Any] = ["adapter_cluster_membership_receipt", receipt["training_run_id"], receipt["stage_id"]]
    parts += [receipt["topology_revision_id"]]
    parts += [receipt.get("contributor_set_revision_id", ABSENT), receipt.get("current_window_id", ABSENT)]
    parts += [part for node in receipt["eligible_node_ids"] for part in ("eligible", node)]
    parts += [part for node in receipt["blocked_node_ids"] for part in ("blocked", node)]
    for status in receipt["contributor_statuses"]:
        parts += [status["node_id"], status.get("matched_backend_label", ABSENT), status["eligibility"]]
        parts += [status["contribution_state"], status["priority_bps"], status["reliability_bps"]]
    return text_digest(f"{bars(parts)}{receipt['observed_at_ms']}")


def window_digest(window: Body) -> str:
    parts = ["adapter_cluster_window_plan", window["training_run_id"], window["stage_id"], window["window_id"]]
    parts += [window["topology_revision_id"], window["contributor_set_revision_id"]]
    parts += [window["adapter_target"]["adapter_target_id"], window["input_policy_revision"]["revision_id"]]
    parts += [window["input_checkpoint_pointer"]["pointer_digest"], window["assignment_seed"]]
    parts += [part for node in window["selected_node_ids"] for part in ("selected", node)]
    parts += [part for node in window["standby_node_ids"] for part in ("standby", node)]
    parts += [item["slice_digest"] for item in window["dataset_slices"]]
    return text_digest(f"{bars(parts)}{window['planned_at_ms']}")


def assignment_seed(window: Body) -> int:
    digest = bar_list_digest(
        *("adapter_cluster_assignment_seed", window["training_run_id"], window["stage_id"]),
        *(window["topology_revision_id"], window["contributor_set_revision_id"]),
        *(window["adapter_target"]["adapter_target_id"], window["input_policy_revision"]["revision_id"]),
        *(item["slice_digest"] for item in window["dataset_slices"]),
    )
    return int(digest[:16], 16)


def pointer_digest(pointer: Body) -> str:
    scope = f"{pointer['scope']['kind']}:{pointer['scope']['scope_id']}"
    checkpoint = pointer["checkpoint"]["checkpoint_ref"]
    rest = joined(scope, pointer["checkpoint_family"], checkpoint, pointer["manifest_digest"], pointer["updated_at_ms"])
    return text_digest(f"psionic_checkpoint_pointer|{rest}")


def replay_identity(spot: Spot) -> str:
    names: tuple[str, ...] = ("receipt_contract_digest", "adapter_family", "adapter_format", "precision_policy")
    return text_digest(
        "psionic_first_swarm_open_adapter_replay_identity|" + compact([spot.owner[name] for name in names])
    )


def execution_provenance(spot: Spot) -> str:
    manifest = spot.owner["manifest"]
    names: tuple[str, ...] = ("execution_backend_label", "admissible_model_family", "adapter_family", "adapter_format")
    names += ("tokenizer_digest", "tokenizer_contract_digest", "logical_device_kind", "logical_device_label")
    return text_digest(
        "psionic_open_adapter_execution_provenance|"
        + joined(*(manifest[name] for name in names), manifest["sample_count"])
    )


def adapter_identity(spot: Spot) -> str:
    """A gate's adapter has a fixed name, a run's adapter that of its worker."""
    receipt, manifest = spot.owner, spot.owner["manifest"]
    name = GATE_ADAPTERS.get(spot.document.kind) or spot.root["local_contribution"]["worker_id"]
    parameters = manifest["lora_rank"] * (manifest["hidden_size"] + manifest["vocab_size"])
    governance = text_digest(
        f"psionic_open_adapter_governance|{joined(manifest['dataset_ref'], manifest['validator_policy_id'])}"
    )
    head = joined(
        *(name, ADAPTER_REVISION, "lora", "safetensors", manifest["base_model_id"], manifest["base_model_revision"]),
        *(manifest["base_served_artifact_digest"], receipt["adapter_artifact_digest"], "none", "decoder_composite"),
        parameters,
    )
    tail = f"|provenance|{receipt['execution_provenance_digest']}|governance|{governance}"
    return text_digest(f"psionic_adapter_identity|{head}{tail}")


def invented_manifest(spot: Spot) -> object:
    """Only the drill of disagreement has one, and it's made from the expected value."""
    expected = spot.owner["expected_upload_manifest_digest"]
    return text_digest(f"{_MISMATCHED}|{compact(f'upload_disagreement:{expected}')}")


def _expected_upload(spot: Spot) -> object:
    for assignment in spot.scene.lane("workflow_plan")["contributor_assignments"]:
        if assignment["contribution_id"] == spot.owner["contribution_id"]:
            return assignment["expected_upload_manifest_digest"]
    raise InputMissingError("the plan has no assignment of this contribution")


def _bringup(spot: Spot) -> object:
    """By the file name that the topology gives, wherever the author kept it."""
    wanted = str(spot.owner["required_bringup_report_fixture_path"]).rsplit("/", 1)[-1]
    for path, document in sorted(spot.scene.documents.items()):
        if path.rsplit("/", 1)[-1] == wanted and document.kind.endswith("_bringup_report"):
            return document.body["report_digest"]
    raise InputMissingError(f"no {wanted} lies beside this document")


def _train_object(spot: Spot) -> object:
    splits = spot.root["dataset_report"]["splits"]
    name = spot.owner["dataset_slice"]["split_name"]
    return next((split["object_digest"] for split in splits if split["split_name"] == name), "no such split")


def _unlike_run_contract(spot: Spot) -> object:
    contract = spot.scene.lane("run_contract")["dataset"]["dataset_manifest_digest"]
    return "a digest of another rule" if spot.value == contract else spot.value


def _rehearsed(name: str) -> Rule:
    why = "each report ran the launcher again in a folder of its own and deleted it"
    return link(
        "evidence_bundle",
        name,
        lambda spot: spot.scene.lane("rehearsal_report")[name],
        name=f"{name} vs rehearsal",
        stale=why,
    )


def window_rules(kind: str) -> tuple[Rule, ...]:
    """A plan and every coordinator hold a membership receipt and a window plan of the same make."""
    pointer = "window_plan.input_checkpoint_pointer.pointer_digest"
    return (
        Rule(kind, "membership_receipt.receipt_digest", "mixed", lambda spot: membership_digest(spot.owner)),
        Rule(kind, "window_plan.assignment_seed", "mixed", lambda spot: assignment_seed(spot.owner)),
        Rule(kind, "window_plan.receipt_digest", "mixed", lambda spot: window_digest(spot.owner)),
        Rule(kind, pointer, "mixed", lambda spot: pointer_digest(spot.owner)),
    )


LANE: tuple[Rule, ...] = (
    Rule("run_contract", "dataset.splits[].split_digest", "mixed", split_digest),
    Rule("run_contract", "dataset.dataset_manifest_digest", "mixed", dataset_manifest_digest),
    Rule(
        "receipt_contract",
        "tokenizer_contract_digest",
        "mixed",
        lambda spot: tokenizer_digest(spot.scene.lane("run_contract")["dataset"]["tokenizer"]),
    ),
    link("topology_contract", "nodes[].required_bringup_report_digest", _bringup),
    Rule(
        "workflow_plan",
        "recipe_plan.run_graph.cluster_id",
        "mixed",
        lambda spot: cluster_digest(spot.scene.lane("run_contract")["cluster_namespace"], SAMPLE_TOKEN),
    ),
    Rule("workflow_plan", "recipe_plan.config_digest", "mixed", lambda spot: config_digest(spot.root)),
    Rule(
        "workflow_plan",
        "recipe_plan.policy_revision.policy_digest",
        "mixed",
        lambda spot: policy_digest(spot.parent["config_digest"]),
    ),
    Rule("workflow_plan", "dataset_report.report_digest", "mixed", report_digest),
    Rule(
        "workflow_plan",
        "dataset_report.dataset_manifest_digest",
        "derived",
        _unlike_run_contract,
        name="dataset_report.dataset_manifest_digest (compare)",
    ),
    *window_rules("workflow_plan"),
    link("workflow_plan", "contributor_assignments[].source_split_object_digest", _train_object),
    *(
        rule
        for kind, at in RECEIPTS
        for rule in (
            Rule(kind, f"{at}.manifest.shared_replay_identity_digest", "mixed", replay_identity),
            Rule(kind, f"{at}.execution_provenance_digest", "mixed", execution_provenance),
            Rule(kind, f"{at}.adapter_identity_digest", "mixed", adapter_identity),
        )
    ),
    link("failure_drills", "drills[].expected_upload_manifest_digest", _expected_upload),
    Rule(
        "failure_drills",
        "drills[].observed_upload_manifest_digest",
        "mixed",
        invented_manifest,
        name="drills[upload_disagreement].observed_upload_manifest_digest",
        optional=True,
    ),
    link("evidence_bundle", "contributors[].expected_upload_manifest_digest", _expected_upload),
    _rehearsed("launch_manifest_digest"),
    _rehearsed("launch_receipt_digest"),
)
