"""The published snapshot: its files, the state-dict rule over its tensors, and the plan it was made from."""

import posixpath
import struct as binary
from typing import Any

import numpy as np

from console.evidence.checks.psionic.families import bar_list_digest, joined, struct_digest, text_digest
from console.evidence.checks.psionic.notation import compact, parse
from console.evidence.checks.psionic.recipes_lane import (
    assignment_seed,
    config_digest,
    membership_digest,
    pointer_digest,
    policy_digest,
    tokenizer_digest,
    window_digest,
)
from console.evidence.checks.psionic.rule import Rule, link
from console.evidence.checks.psionic.scene import Body, Document, InputMissingError, Spot
from console.evidence.checks.stored import sha256_hex
from console.evidence.checks.tensors import read_header

REPORT, MANIFEST = "publication_report", "publish_manifest"
MODEL = "model.safetensors"
MANIFEST_KEY = "psionic.model_io.bundle_manifest"
PLAN_RUN, PUBLICATION_RUN = "first-swarm-live-plan", "first-swarm-local-publication"
HEAD, HEAD_DELTA = "model.decoder.head.parameter", (0.25, -0.5)  # literals of the old writer: no run made them


def state_dict_digest(state: Body, tensors: dict[str, bytes]) -> str:
    """Names, groups and tensors of a state dict; `tensors` are little-endian f32 bytes by state key."""
    text = joined(state["model_family"], state["revision"], state["checkpoint_family"])
    text += f"|checkpoint_ref|{state['checkpoint_ref']}" if "checkpoint_ref" in state else ""
    text += "".join(compact(group) for group in state["groups"])
    for key in sorted(state["tensors"]):
        text += key + compact(state["tensors"][key]) + sha256_hex(b"f32|" + tensors[key])
    return text_digest(f"psionic_model_state_dict|{text}")


def read_model(raw: bytes) -> tuple[Body, dict[str, bytes]]:
    """The manifest inside a safetensors file and the bytes of its tensors. Raises UnreadableError or KeyError."""
    header = read_header(raw, len(raw))
    (length,) = binary.unpack("<Q", raw[:8])
    manifest = parse(header.metadata[MANIFEST_KEY].encode())
    if not isinstance(manifest, dict) or length < 2:
        raise ValueError("a manifest that is an object")
    return manifest, {name: raw[entry.begin : entry.end] for name, entry in header.entries.items()}


def _model(spot: Spot) -> tuple[Body, dict[str, bytes]]:
    return read_model(_bytes(spot, MODEL))


def _bytes(spot: Spot, name: str) -> bytes:
    for path in sorted(spot.scene.tensors):
        if posixpath.dirname(path) == _snapshot(spot) and posixpath.basename(path) == name:
            return spot.scene.tensors[path]
    raise InputMissingError(f"no {name} lies in the snapshot")


def _snapshot(spot: Spot) -> str:
    return _manifest(spot).folder if spot.document.kind == REPORT else spot.document.folder


def _manifest(spot: Spot) -> Document:
    return spot.scene.below(spot.document, MANIFEST)


def _model_state(spot: Spot) -> str:
    manifest, tensors = _model(spot)
    return state_dict_digest(manifest["state_dict"], tensors)


def _model_sha256(spot: Spot) -> str:
    return sha256_hex(_bytes(spot, MODEL))


def _base_state(spot: Spot) -> str:
    """The same tensors before the writer's literal delta was added to the head."""
    manifest, tensors = _model(spot)
    head = np.frombuffer(tensors[HEAD], dtype="<f4") - np.array(HEAD_DELTA, dtype="<f4")
    return state_dict_digest(manifest["state_dict"], {**tensors, HEAD: head.astype("<f4").tobytes()})


def _own_state(spot: Spot) -> str:
    return state_dict_digest(spot.owner, _model(spot)[1])


def _embedded(spot: Spot) -> str:
    return "the same" if compact(_model(spot)[0]) == compact(spot.root) else "another manifest than the embedded one"


def _listed_file(spot: Spot) -> str:
    """By name only: a listed path is joined to the snapshot and looked up among files already read."""
    place = posixpath.normpath(posixpath.join(spot.document.folder, str(spot.owner["relative_path"])))
    if place not in spot.scene.hashes:
        raise ValueError(f"a file {posixpath.basename(place)} in the snapshot")
    return place


def _manifest_digest(spot: Spot) -> str:
    body = spot.root
    files = "".join(
        "|file|" + joined(item["relative_path"], item["byte_length"], item["sha256"]) for item in body["files"]
    )
    notes = "".join(f"|note|{note}" for note in body["notes"])
    head = joined(body["publish_id"], "hf_snapshot", body["repo_id"])
    return "sha256:" + text_digest(f"psionic_mlx_publish_manifest|{head}{files}{notes}")


def _surfaces(spot: Spot) -> str:
    body = spot.root
    head = joined(body["model_family"], body["revision"], body["state_dict_digest"])
    return text_digest(
        f"psionic_model_io_compatibility|{head}" + "".join(compact(surface) for surface in body["surfaces"])
    )


def _second_plan(spot: Spot) -> str:
    """The plan that the publication made for itself: the lane's plan under another run id, digested anew."""
    plan = _renamed(spot.scene.lane("workflow_plan"))
    recipe, window = plan["recipe_plan"], plan["window_plan"]
    graph, pointer = recipe["run_graph"], window["input_checkpoint_pointer"]
    run, cluster = graph["run_id"], graph["cluster_id"]
    recipe["config_digest"] = config_digest(plan)
    for revision in (recipe["policy_revision"], window["input_policy_revision"]):
        revision["policy_digest"] = policy_digest(recipe["config_digest"])
    pointer["manifest_digest"] = bar_list_digest("manifest", run, graph["checkpoint_family"])
    pointer["checkpoint"]["cluster_state_digest"] = bar_list_digest("cluster", cluster, run)
    pointer["checkpoint"]["topology_digest"] = bar_list_digest("topology", run, cluster)
    pointer["pointer_digest"] = pointer_digest(pointer)
    plan["membership_receipt"]["receipt_digest"] = membership_digest(plan["membership_receipt"])
    window["assignment_seed"] = assignment_seed(window)
    window["receipt_digest"] = window_digest(window)
    publish = plan["publish_config"]
    for assignment in plan["contributor_assignments"]:
        assignment["expected_upload_manifest_digest"] = bar_list_digest(
            *("first_swarm_expected_upload_manifest", publish["publish_id"], publish["repo_id"]),
            *(assignment["contribution_id"], assignment["dataset_slice"]["slice_digest"]),
        )
    return struct_digest("psionic_first_swarm_live_workflow_plan|", plan, "plan_digest")


def _renamed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _renamed(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item) for item in value]
    return value.replace(PLAN_RUN, PUBLICATION_RUN) if isinstance(value, str) else value


PUBLICATION: tuple[Rule, ...] = (
    link(
        REPORT,
        "workflow_plan_digest",
        lambda spot: spot.scene.lane("workflow_plan")["plan_digest"],
        name="workflow_plan_digest vs retained plan",
        stale="the publication made a plan of its own under another run id and did not keep it",
    ),
    Rule(REPORT, "workflow_plan_digest", "struct", _second_plan),
    link(REPORT, "publish_manifest_digest", lambda spot: _manifest(spot).body["manifest_digest"]),
    Rule(REPORT, "published_files", "derived", lambda spot: _manifest(spot).body["files"]),
    Rule(REPORT, "merged_state_dict_digest", "mixed", _model_state),
    Rule(REPORT, "merged_artifact_digest", "file", _model_sha256),
    link(REPORT, "tuned_state_dict_digest", lambda spot: spot.root["merged_state_dict_digest"]),
    Rule(REPORT, "base_state_dict_digest", "mixed", _base_state),
    Rule(MANIFEST, "manifest_digest", "mixed", _manifest_digest),
    Rule(MANIFEST, "files[].sha256", "file", lambda spot: "sha256:" + spot.scene.hashes[_listed_file(spot)]),
    Rule(MANIFEST, "files[].byte_length", "file", lambda spot: spot.scene.sizes[_listed_file(spot)]),
    Rule(MANIFEST, "source_artifact_receipt.artifact_digest", "file", _model_sha256),
    Rule(MANIFEST, "source_artifact_receipt.state_dict_digest", "mixed", _model_state),
    Rule(
        MANIFEST,
        "source_artifact_receipt.tokenizer_contract_digest",
        "mixed",
        lambda spot: tokenizer_digest(spot.scene.beside(spot.document, "tokenizer_contract").body["digest"]),
    ),
    Rule("bundle_manifest", "state_dict.digest", "mixed", _own_state),
    Rule("bundle_manifest", "", "derived", _embedded, name="(whole file)", stored=lambda _: "the same"),
    Rule("compatibility_contract", "contract_digest", "mixed", _surfaces),
    link("compatibility_contract", "state_dict_digest", _model_state),
)
