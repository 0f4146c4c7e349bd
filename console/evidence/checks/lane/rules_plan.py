"""The plan and the receipt contract say what follows from contract, base and dataset."""

import hashlib
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from console.evidence.checks.batch_order import batch_order
from console.evidence.checks.lane import names
from console.evidence.checks.lane.held import Body, Held
from console.evidence.checks.lane.plain_file import read_plain
from console.evidence.checks.lane.rules_links import by_id
from console.evidence.checks.stored import UnreadableError, canonical, parse, sha256_hex
from console.evidence.checks.tolerance import tolerance_of
from console.evidence.checks.verdict import Mismatch, differs, shown

BASE, DATASET = "swarm/base", "swarm/dataset"
OUTBOX = ["adapter_config.json", "adapter_model.safetensors", "contributor_receipt.json"]
TOKENIZER = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
)
LABELS = {
    ("mlx", "metal"): "mlx.metal",
    ("mlx", "cpu"): "mlx.cpu",
    ("mlx", "cuda"): "mlx.cuda",
    ("torch", "cuda"): "cuda",
    ("torch", "cpu"): "torch.cpu",
}


def base_is_as_stated(held: Held) -> Iterator[Mismatch]:
    """Digests, shape and dtype of the head, recomputed from the checkpoint that the repository ships."""
    citing = [kind for kind in ("receipt_contract", "plan") if held.has(kind)]
    if not citing:
        return
    try:
        head = _head(held.root)
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        yield Mismatch(BASE, "a checkpoint whose head can be hashed", shown(repr(error)))
        return
    for kind in citing:
        for name, value in head.items():
            yield from differs(f"{kind}.head.{name}", value, held.documents[kind]["head"][name])


def dataset_is_as_stated(held: Held) -> Iterator[Mismatch]:
    """Manifest and splits: bytes, counts, and the order of sample ids."""
    raw = read_plain(held.root, f"{DATASET}/manifest.json")
    if not isinstance(raw, bytes):
        yield Mismatch(f"{DATASET}/manifest.json", "the dataset's manifest", raw or "no such file")
        return
    for kind in ("receipt_contract", "plan"):
        if held.has(kind):
            body = held.documents[kind]
            yield from differs(f"{kind}.dataset_manifest_sha256", sha256_hex(raw), body["dataset_manifest_sha256"])
            yield from differs(f"{kind}.dataset_ref", parse(raw).get("dataset_ref"), body["dataset_ref"])
    if held.has("contract", "plan"):
        data = held.documents["contract"]["data"]
        splits = [data["train_split"], data["held_out_split"]]
        yield from differs("plan.splits", splits, [split["name"] for split in held.documents["plan"]["splits"]])
        for split in held.documents["plan"]["splits"]:
            yield from _split_is_true(held, split)


def _split_is_true(held: Held, split: Body) -> Iterator[Mismatch]:
    where = f"plan.splits {split['name']}"
    raw = read_plain(held.root, f"{DATASET}/{split['file']}")
    if not isinstance(raw, bytes):
        yield Mismatch(f"{DATASET}/{split['file']}", "a split that the plan names", raw or "no such file")
        return
    ids = _sample_ids(raw)
    yield from differs(f"{where} sha256", sha256_hex(raw), split["sha256"])
    yield from differs(f"{where} size_bytes", len(raw), split["size_bytes"])
    yield from differs(f"{where} samples", len(ids), split["samples"])
    yield from differs(f"{where} sample_ids_sha256", sha256_hex(canonical(ids)), split["sample_ids_sha256"])


def receipts_follow_from_the_contract(held: Held) -> Iterator[Mismatch]:
    """Steps, samples, adapter, tensors and labels that every contributor receipt must have."""
    if not held.has("contract", "receipt_contract"):
        return
    contract, receipts = held.documents["contract"], held.documents["receipt_contract"]
    recipe = contract["recipe"]
    yield from differs("receipt_contract.adapter", contract["adapter"], receipts["adapter"])
    yield from differs("receipt_contract.steps", recipe["steps"], receipts["steps"])
    presented = recipe["steps"] * recipe["batch_samples"]
    yield from differs("receipt_contract.samples_presented", presented, receipts["samples_presented"])
    yield from differs("receipt_contract.files", OUTBOX, receipts["files"])
    yield from differs("receipt_contract.tensors", _tensors(contract, receipts["head"]), receipts["tensors"])
    order = [node["node_id"] for node in held.contributors]
    yield from differs("receipt_contract.contributors", order, [c["node_id"] for c in receipts["contributors"]])
    for node in held.contributors:
        if stated := by_id(receipts["contributors"]).get(node["node_id"]):
            yield from differs(f"receipt_contract {node['node_id']} labels", _labels(node), stated["backend_labels"])


def plan_follows_from_the_contract(held: Held) -> Iterator[Mismatch]:
    """Recipe, adapter, bounds and merge rule are the contract's; the snapshot's place is the one its names give."""
    if not held.has("contract", "plan"):
        return
    contract, plan = held.documents["contract"], held.documents["plan"]
    governance, validation = contract["governance"], plan["validation"]
    yield from differs("plan.adapter", contract["adapter"], plan["adapter"])
    yield from differs("plan.recipe", contract["recipe"], plan["recipe"])
    for name in ("delta_norm_bound", "minimum_improvement"):
        yield from differs(f"plan.validation.{name}", governance[name], validation[name])
    validator = [node["node_id"] for node in contract["nodes"] if "validator" in node["roles"]]
    yield from differs("plan.validation.validator_node_id", validator, [validation["validator_node_id"]])
    for name in ("every_role_required", "every_contribution_replayed"):
        yield from differs(f"plan.validation.{name}", expected=True, got=validation[name])
    expectation = plan["publish_expectation"]
    lane = held.documents["contract"]["lane_id"]
    for name, expected in (("publish_id", names.publish_id(lane)), ("expected_directory", names.snapshot_dir(lane))):
        yield from differs(f"plan.publish_expectation.{name}", expected, expectation[name])
    own = held.coordinator["node_id"]
    yield from differs("plan.publish_expectation.publisher_node_id", own, expectation["publisher_node_id"])


def assignments_follow_from_the_data(held: Held) -> Iterator[Mismatch]:
    """Every n-th sample from the k-th on, in the batch order of the seed, with the upload that must come back."""
    if not held.has("contract", "plan"):
        return
    contract, plan = held.documents["contract"], held.documents["plan"]
    raw = read_plain(held.root, f"{DATASET}/{contract['data']['train_split']}.jsonl")
    if not isinstance(raw, bytes):
        return  # dataset_is_as_stated says so
    ids, order = _sample_ids(raw), [node["node_id"] for node in held.contributors]
    yield from differs("plan.assignments", order, [item["node_id"] for item in plan["assignments"]])
    stated = by_id(plan["assignments"])
    for k, node in enumerate(held.contributors):
        if item := stated.get(node["node_id"]):
            own = ids[k :: len(order)]
            yield from _assignment_is_true(held, node, item, own, k)


def _assignment_is_true(held: Held, node: Body, item: Body, own: list[str], k: int) -> Iterator[Mismatch]:
    contract, where = held.documents["contract"], f"plan.assignments {node['node_id']}"
    recipe, governance, head = contract["recipe"], contract["governance"], held.documents["plan"]["head"]
    order = batch_order(recipe["seed"] + k, len(own), recipe["batch_samples"], recipe["steps"])
    same = governance["same_backend_exact"] and node["backend"] == governance["replay_backend"]
    expected: Body = {
        "node_id": node["node_id"],
        "backend_labels": _labels(node),
        "slice_rule": f"every_{len(held.contributors)}_from_{k}",
        "samples": len(own),
        "sample_ids_sha256": sha256_hex(canonical(own)),
        "batch_seed": recipe["seed"] + k,
        "batches_sha256": sha256_hex(canonical(order)),
        "expected_upload": {
            "files": OUTBOX,
            "tensors": _tensors(contract, head),
            "head_sha256": head["sha256"],
            "rank": contract["adapter"]["rank"],
            "alpha": contract["adapter"]["alpha"],
        },
        "replay": {
            "backend": governance["replay_backend"],
            "comparison": "exact_under_equal_settings_else_within_tolerance" if same else "within_tolerance",
            "segment_steps": recipe["checkpoint_steps"],
            "tolerance": tolerance_of(governance, node["backend"], governance["replay_backend"]),
        },
    }
    for name, value in expected.items():
        yield from differs(f"{where} {name}", value, item[name])
    if held.has("receipt_contract"):
        receipts = by_id(held.documents["receipt_contract"]["contributors"])
        distinct = min(len(own), recipe["steps"] * recipe["batch_samples"])
        if stated := receipts.get(node["node_id"]):
            yield from differs(f"receipt_contract {node['node_id']} samples", distinct, stated["distinct_samples"])


def _tensors(contract: Body, head: Body) -> list[Body]:
    rank = contract["adapter"]["rank"]
    shapes = {"lora_A": [rank, head["hidden_size"]], "lora_B": [head["vocab_size"], rank]}
    return [
        {"name": f"base_model.model.lm_head.{name}.weight", "dtype": "F32", "shape": shape}
        for name, shape in shapes.items()
    ]


def _labels(node: Body) -> list[str]:
    kinds = [LABELS.get((node["backend"], kind)) for kind in node["required_devices"]]
    return [f"open_adapter_backend.{kind}.gpt_oss_lm_head" for kind in kinds if kind]


def _sample_ids(raw: bytes) -> list[str]:
    try:
        return [str(parse(line)["sample_id"]) for line in raw.splitlines()]
    except (UnreadableError, KeyError, TypeError) as error:
        raise ValueError(f"a split that is not one JSON object with sample_id per line: {error}") from error


def _head(root: Path) -> Body:
    """From config.json and model.safetensors alone."""
    config: Any = json.loads(_file(root, "config.json"))
    model = _file(root, "model.safetensors")
    tied = config.get("tie_word_embeddings", False) is True
    tensor = "model.embed_tokens.weight" if tied else "lm_head.weight"
    (length,) = struct.unpack("<Q", model[:8])
    entry: Any = json.loads(model[8 : 8 + length])[tensor]
    begin, end = entry["data_offsets"]
    tokenizer = [name for name in TOKENIZER if isinstance(read_plain(root, f"{BASE}/{name}"), bytes)]
    return {
        "model_digest": _files_digest(root, ["config.json", "model.safetensors"]),
        "tokenizer_digest": _files_digest(root, tokenizer),
        "tensor": tensor,
        "dtype": entry["dtype"],
        "vocab_size": entry["shape"][0],
        "hidden_size": entry["shape"][1],
        "sha256": hashlib.sha256(model[8 + length + begin : 8 + length + end]).hexdigest(),
        "tied": tied,
    }


def _files_digest(root: Path, names: list[str]) -> str:
    return sha256_hex(canonical({"files": {name: sha256_hex(_file(root, name)) for name in names}}))


def _file(root: Path, name: str) -> bytes:
    raw = read_plain(root, f"{BASE}/{name}")
    if not isinstance(raw, bytes):
        raise UnreadableError(f"{BASE}/{name}", raw or "no such file")
    return raw


RULES = (
    base_is_as_stated,
    dataset_is_as_stated,
    receipts_follow_from_the_contract,
    plan_follows_from_the_contract,
    assignments_follow_from_the_data,
)
