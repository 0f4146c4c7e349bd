"""Lies about a lane, one each, and the rule that must refuse them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from console.evidence.lane_documents.places import LanePlaces
from tests.lanes.resealing import Body, Edit, rewrite, seal

LANE = "loopback"
PLACES = LanePlaces(LANE)
Plant = Callable[[Path], object]


@dataclass(frozen=True)
class Defect:
    name: str
    rule: str
    edits: dict[str, Edit] = field(default_factory=dict)
    plant: Plant | None = None  # after everything was sealed again


def put(*path: str | int, value: object) -> Edit:
    def edit(body: Body) -> None:
        item = body
        for name in path[:-1]:
            item = item[name]  # type: ignore[index]
        item[path[-1]] = value  # type: ignore[index]

    return edit


def unobserved(body: Body) -> None:
    """No drill was held yet: what is kept was observed under the true contract, not under a changed one."""
    for drill in body["drills"]:
        drill["observed"] = None


def observed(**changes: object) -> Edit:
    """A drill that looks run, with one thing wrong."""

    def edit(body: Body) -> None:
        body["drills"][0]["observed"] = {
            "run_id": "drill-1",
            "bundle_digest": "0" * 64,
            "contract_digest": body["contract_digest"],
            "finished_wall_ms": 1,
            "node_id": "swarm-linux-a",
            "result_classification": "replay_required",
            "validator_disposition": "replay_required",
            "departure": "none",
            "merge_disposition": "no_merge",
            "as_frozen": True,
            **changes,
        }

    return edit


def file_edit(path: str, old: bytes, new: bytes) -> Plant:
    def plant(root: Path) -> None:
        raw = (root / path).read_bytes()
        assert old in raw
        (root / path).write_bytes(raw.replace(old, new, 1))

    return plant


def unsealed(path: str, edit: Edit) -> Plant:
    return lambda root: rewrite(root / path, edit, sealed=False)


def sealed_alone(path: str, edit: Edit) -> Plant:
    """The document is whole in itself; who cites it still cites what it was."""
    return lambda root: rewrite(root / path, edit)


def link_to_a_folder_elsewhere(root: Path) -> None:
    (root / "training").rename(root / "elsewhere")
    (root / "training").symlink_to(root / "elsewhere")


def kept_drill(root: Path) -> Path:
    """What is kept of the first drill that was observed."""
    drills = json.loads((root / PLACES.of("drills")).read_bytes())["drills"]
    run_id: str = next(drill["observed"]["run_id"] for drill in drills if drill["observed"])
    return root / "swarm" / "drills" / run_id


def other_report_of_a_drill(root: Path) -> None:
    """The report with another figure, sealed again: the signed listing still has the true one."""
    rewrite(kept_drill(root) / "coordinator_runtime_report.json", lambda body: body.update(skew_ms=1))


def unsigned_drill(root: Path) -> None:
    signature = kept_drill(root) / "bundle.sig"
    lines = signature.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2][:8] + (b"A" if lines[2][8:9] != b"A" else b"B") + lines[2][9:]
    signature.write_bytes(b"".join(lines))


def retained_drill(root: Path) -> None:
    """The bundle of the drill is retained and says that the merge happened."""
    path = root / PLACES.of("drills")
    body = json.loads(path.read_bytes())
    observed()(body)
    folder = root / "swarm/runs/drill-1"
    folder.mkdir(parents=True)
    bundle: Body = {
        "schema_version": "swarm.real_run_bundle.v1",
        "run_id": "drill-1",
        "contract_digest": body["contract_digest"],
        "result_classification": "replay_required",
        "merge_disposition": "merged",
    }
    seal(bundle)
    node = {"node_id": "swarm-linux-a", "disposition": "replay_required", "departure": None}
    report: Body = {"finished_wall_ms": 1, "nodes": [node]}
    seal(report)
    for name, document in (("first_swarm_real_run_bundle", bundle), ("coordinator_runtime_report", report)):
        (folder / f"{name}.json").write_text(json.dumps(document, sort_keys=True, indent=2) + "\n")
    body["drills"][0]["observed"]["bundle_digest"] = bundle["digest"]
    rewrite(path, lambda found: found.update(drills=body["drills"]))


BINDER, PLAN = PLACES.of("binder"), PLACES.of("plan")
DEFECTS = (
    Defect("no_plan", "documents_are_there", plant=lambda root: (root / PLAN).unlink()),
    Defect("folder_is_a_link", "documents_have_their_form", plant=link_to_a_folder_elsewhere),
    Defect("unknown_field", "documents_have_their_form", {"binder": put("extra", value=1)}),
    Defect("another_white_space", "documents_have_their_form", plant=file_edit(BINDER, b'": ', b'":  ')),
    Defect("another_type", "documents_have_their_form", {"binder": put("schema_version", value="swarm.x.v1")}),
    Defect(
        "digest_of_other_content", "digests_recompute", plant=unsealed(BINDER, put("claim_boundary", value="w " * 12))
    ),
    Defect("stale_link_to_the_topology", "links_are_current", {"drills": put("topology_digest", value="0" * 64)}),
    Defect("stale_link_to_the_plan", "links_are_current", {"topology": put("plan_digest", value="0" * 64)}),
    Defect(
        "stale_authority", "binder_names_the_authorities", {"binder": put("authorities", 2, "digest", value="1" * 64)}
    ),
    Defect(
        "authority_of_another_lane",
        "binder_names_the_authorities",
        {"binder": put("authorities", 3, "path", value="swarm/first_swarm_trusted_lan_topology_contract_v1.json")},
    ),
    Defect("lane_of_another_name", "one_lane_throughout", {"drills": put("lane_id", value="other")}),
    Defect(
        "contract_softer_than_its_source",
        "contract_is_its_source",
        {
            "contract": put("governance", "same_backend_exact", value=False),
            "plan": put("assignments", 0, "replay", "comparison", value="within_tolerance"),
            "drills": unobserved,
        },
    ),
    Defect(
        "source_changed_after_the_freeze",
        "contract_is_its_source",
        plant=file_edit(f"swarm/lanes/{LANE}.toml", b"max_revisions = 2", b"max_revisions = 9"),
    ),
    Defect(
        "claim_without_a_bound", "claims_have_a_boundary", {"topology": put("claim_boundary", value="All is proved.")}
    ),
    Defect("another_head", "base_is_as_stated", {"receipt_contract": put("head", "model_digest", value="2" * 64)}),
    Defect("base_replaced", "base_is_as_stated", plant=file_edit("swarm/base/config.json", b"0.02", b"0.03")),
    Defect("more_samples_than_the_file", "dataset_is_as_stated", {"plan": put("splits", 1, "samples", value=137)}),
    Defect(
        "held_out_file_changed",
        "dataset_is_as_stated",
        plant=file_edit("swarm/dataset/validation.jsonl", b"prompt", b"Prompt"),
    ),
    Defect(
        "dataset_manifest_of_other_bytes",
        "dataset_is_as_stated",
        {"plan": put("dataset_manifest_sha256", value="3" * 64)},
    ),
    Defect(
        "fewer_steps_in_the_receipt", "receipts_follow_from_the_contract", {"receipt_contract": put("steps", value=99)}
    ),
    Defect(
        "label_of_a_device_that_the_lane_lacks",
        "receipts_follow_from_the_contract",
        {
            "receipt_contract": put(
                "contributors", 0, "backend_labels", value=["open_adapter_backend.cuda.gpt_oss_lm_head"]
            )
        },
    ),
    Defect(
        "another_learning_rate", "plan_follows_from_the_contract", {"plan": put("recipe", "learning_rate", value=0.1)}
    ),
    Defect(
        "replay_made_optional",
        "plan_follows_from_the_contract",
        {"plan": put("validation", "every_contribution_replayed", value=False)},
    ),
    Defect(
        "snapshot_somewhere_else",
        "plan_follows_from_the_contract",
        {"plan": put("publish_expectation", "expected_directory", value="local_publish/elsewhere/x")},
    ),
    Defect(
        "slices_that_overlap",
        "assignments_follow_from_the_data",
        {
            "plan": lambda body: body["assignments"][1].update(
                sample_ids_sha256=body["assignments"][0]["sample_ids_sha256"]
            )
        },
    ),
    Defect(
        "another_batch_order",
        "assignments_follow_from_the_data",
        {"plan": put("assignments", 0, "batches_sha256", value="4" * 64)},
    ),
    Defect(
        "a_wider_replay_bound",
        "assignments_follow_from_the_data",
        {"plan": put("assignments", 1, "replay", "tolerance", "relative_bound", value=0.5)},
    ),
    Defect(
        "upload_of_another_shape",
        "assignments_follow_from_the_data",
        {"plan": put("assignments", 0, "expected_upload", "tensors", 0, "shape", value=[4, 128])},
    ),
    Defect(
        "longer_stale_bound_in_the_topology",
        "topology_is_the_contract",
        {"topology": put("policies", "stale_ms", value=60000)},
    ),
    Defect(
        "posture_that_hides_the_network",
        "topology_is_the_contract",
        {
            "topology": put("network_posture", value="named_hosts_only.no_discovery"),
            "binder": put("lane_kind", value="two_or_more_named_hosts"),
        },
    ),
    Defect(
        "another_port",
        "nodes_are_the_contract",
        {"topology": put("nodes", 1, "cluster_endpoint", value="127.0.0.1:22")},
    ),
    Defect(
        "a_contributor_that_validates", "nodes_are_the_contract", {"topology": put("nodes", 1, "validates", value=True)}
    ),
    Defect(
        "a_step_that_skips_the_gate",
        "launch_sequence_is_this_lanes",
        {"topology": lambda body: body["launch_sequence"].pop(1)},
    ),
    Defect(
        "a_command_of_another_lane",
        "launch_sequence_is_this_lanes",
        {"topology": put("launch_sequence", -1, "command", value="swarm run --lane other --run-id ${RUN_ID}")},
    ),
    Defect(
        "evidence_outside_the_run", "staging_is_the_layout", {"topology": put("staging", "run_bundle", value="/tmp/x")}
    ),
    Defect(
        "launcher_of_another_lane",
        "binder_is_this_lanes",
        {"binder": put("launcher", value="swarm launch --lane other --run-id RUN_ID --bundle-dir DIR --manifest-only")},
    ),
    Defect("a_checker_left_out", "binder_is_this_lanes", {"binder": lambda body: body["checkers"].pop()}),
    Defect("a_drill_left_out", "the_four_drills_are_declared", {"drills": lambda body: body["drills"].pop()}),
    Defect(
        "a_softened_promise",
        "promises_stay_frozen",
        {"drills": put("drills", 1, "promise", "aggregation_blocked", value=False)},
    ),
    Defect(
        "a_drill_with_its_own_bound",
        "bounds_are_the_contracts",
        {"drills": put("drills", 0, "bounds_ms", value=[50000])},
    ),
    Defect(
        "observed_on_another_contract", "observations_are_of_this_lane", {"drills": observed(contract_digest="5" * 64)}
    ),
    Defect(
        "a_broken_promise_called_kept",
        "observations_are_judged_by_comparison",
        {"drills": observed(result_classification="bounded_success")},
    ),
    Defect(
        "a_kept_promise_called_broken", "observations_are_judged_by_comparison", {"drills": observed(as_frozen=False)}
    ),
    Defect("retained_run_says_otherwise", "observations_are_what_the_run_shows", plant=retained_drill),
    Defect("another_drill_than_the_kept_one", "observations_are_what_the_run_shows", plant=other_report_of_a_drill),
    Defect("a_drill_that_nobody_signed", "observations_are_what_the_run_shows", plant=unsigned_drill),
)
