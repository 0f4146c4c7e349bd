"""The struct and bar-list digests, the links between lane documents, and what nobody can recompute."""

from console.evidence.checks.psionic.rule import Rule, bar_list, lane_link, struct, unretained

RECEIPT = "psionic_first_swarm_open_adapter_contributor"
LAN = "psionic_first_swarm_trusted_lan"

# Where a contributor receipt lies in each document that nests one.
RECEIPTS = (
    ("mac_bringup_report", "overfit_gate.contributor_receipt"),
    ("linux_bringup_report", "parity_harness.contributor_receipt"),
    ("runtime_report", "local_contribution.contributor_receipt"),
)

STRUCT: tuple[Rule, ...] = tuple(
    struct(kind, path, prefix)
    for kind, path, prefix in (
        ("run_contract", "contract_digest", "psionic_first_swarm_run_contract"),
        ("receipt_contract", "contract_digest", "psionic_first_swarm_open_adapter_receipt_contract"),
        ("topology_contract", "contract_digest", f"{LAN}_topology_contract"),
        ("workflow_plan", "plan_digest", "psionic_first_swarm_live_workflow_plan"),
        ("mac_bringup_report", "report_digest", "psionic_first_swarm_mac_mlx_bringup_report"),
        ("mac_bringup_report", "overfit_gate.gate_digest", "psionic_first_swarm_mac_mlx_overfit_gate"),
        ("linux_bringup_report", "report_digest", "psionic_first_swarm_linux_cuda_bringup_report"),
        ("linux_bringup_report", "parity_harness.harness_digest", "psionic_first_swarm_linux_cuda_parity_harness"),
        ("failure_drills", "bundle_digest", f"{LAN}_failure_drills"),
        ("failure_drills", "drills[].drill_digest", f"{LAN}_failure_drill"),
        ("rehearsal_report", "report_digest", f"{LAN}_rehearsal_report"),
        ("rehearsal_report", "phases[].phase_digest", f"{LAN}_rehearsal_phase"),
        ("rehearsal_report", "bottlenecks[].bottleneck_digest", f"{LAN}_bottleneck"),
        ("evidence_bundle", "bundle_digest", f"{LAN}_evidence_bundle"),
        ("evidence_bundle", "stages[].stage_digest", f"{LAN}_stage_summary"),
        ("closeout_report", "report_digest", f"{LAN}_closeout_report"),
        ("runtime_report", "report_digest", f"{LAN}_runtime_report"),
        ("merged_artifact_report", "report_digest", f"{LAN}_merged_artifact_report"),
        ("publication_report", "report_digest", "psionic_first_swarm_local_snapshot_publication_report"),
        ("binder_projection", "contract_digest", "psionic_runpod_local_training_binder_projection_set"),
        (
            "binder_projection",
            "lane_projections[].projection_digest",
            "psionic_runpod_local_training_binder_lane_projection",
        ),
        *((kind, f"{at}.manifest.manifest_digest", f"{RECEIPT}_manifest") for kind, at in RECEIPTS),
        *((kind, f"{at}.receipt_digest", f"{RECEIPT}_receipt") for kind, at in RECEIPTS),
    )
)

_RUN = "^recipe_plan.run_graph.run_id"
_CLUSTER = "^recipe_plan.run_graph.cluster_id"
_POINTER = "window_plan.input_checkpoint_pointer"
_CLAIM = ("claim_id", "assignment_id", "contribution_id", "window_id", "worker_id", "session_id", "trust_class")

BAR_LISTS: tuple[Rule, ...] = tuple(
    bar_list(kind, path, label, fields)
    for kind, path, label, fields in (
        (
            "workflow_plan",
            f"{_POINTER}.manifest_digest",
            "manifest",
            (_RUN, "^recipe_plan.run_graph.checkpoint_family"),
        ),
        ("workflow_plan", f"{_POINTER}.checkpoint.cluster_state_digest", "cluster", (_CLUSTER, _RUN)),
        ("workflow_plan", f"{_POINTER}.checkpoint.topology_digest", "topology", (_RUN, _CLUSTER)),
        (
            "workflow_plan",
            "contributor_assignments[].dataset_slice.slice_digest",
            "first_swarm_dataset_slice",
            ("dataset_id", "split_name", "<role_id", "<source_split_object_digest", "<source_sample_ids*"),
        ),
        (
            "workflow_plan",
            "contributor_assignments[].expected_upload_manifest_digest",
            "first_swarm_expected_upload_manifest",
            (
                "^publish_config.publish_id",
                "^publish_config.repo_id",
                "contribution_id",
                "dataset_slice.slice_digest",
            ),
        ),
        (
            "runtime_report",
            "heartbeat_receipts[].receipt_digest",
            "adapter_worker_heartbeat",
            (
                *("window_id", "worker_id", "session_id", "trust_class", "active_claim_id?"),
                *("observed_at_ms", "next_required_heartbeat_at_ms"),
            ),
        ),
        (
            "runtime_report",
            "acknowledgement_receipts[].receipt_digest",
            "adapter_assignment_ack",
            ("claim_id", "worker_id", "session_id", "acknowledged_at_ms"),
        ),
        (
            "runtime_report",
            "submission_receipts[].upload_expectation.expectation_digest",
            "adapter_upload_expectation",
            (
                *("subject", "window_id", "contribution_id", "adapter_target_id"),
                *("target_policy_revision_id", "target_checkpoint_pointer_digest"),
            ),
        ),
        (
            "runtime_report",
            "submission_receipts[].receipt_digest",
            "adapter_contribution_submission",
            (
                *_CLAIM,
                *("target_policy_revision_id", "source_policy_revision_id"),
                *("target_checkpoint_pointer_digest", "source_checkpoint_pointer_digest"),
                *("upload_expectation.expectation_digest", "outcome", "observed_at_ms"),
            ),
        ),
    )
)

_PLAN = ("workflow_plan", "plan_digest")
_TOPOLOGY = ("topology_contract", "contract_digest")
_LANE = ("run_contract", "contract_digest")
_MEMBERS = ("workflow_plan", "membership_receipt.receipt_digest")
_DATASET = ("run_contract", "dataset.dataset_manifest_digest")

LANE_LINKS: tuple[Rule, ...] = tuple(
    lane_link(kind, path, *target)
    for kind, path, target in (
        ("receipt_contract", "swarm_contract_digest", _LANE),
        ("receipt_contract", "dataset_manifest_digest", _DATASET),
        ("topology_contract", "swarm_contract_digest", _LANE),
        ("topology_contract", "receipt_contract_digest", ("receipt_contract", "contract_digest")),
        ("topology_contract", "live_workflow_plan_digest", _PLAN),
        ("topology_contract", "live_workflow_membership_receipt_digest", _MEMBERS),
        ("workflow_plan", "swarm_contract_digest", _LANE),
        ("mac_bringup_report", "contract_digest", _LANE),
        ("linux_bringup_report", "contract_digest", _LANE),
        ("failure_drills", "topology_contract_digest", _TOPOLOGY),
        ("failure_drills", "live_workflow_plan_digest", _PLAN),
        ("failure_drills", "swarm_contract_digest", _LANE),
        ("rehearsal_report", "topology_used.topology_contract_digest", _TOPOLOGY),
        ("rehearsal_report", "failure_drills_digest", ("failure_drills", "bundle_digest")),
        ("evidence_bundle", "swarm_contract_digest", _LANE),
        ("evidence_bundle", "topology_contract_digest", _TOPOLOGY),
        ("evidence_bundle", "rehearsal_report_digest", ("rehearsal_report", "report_digest")),
        ("evidence_bundle", "failure_drills_digest", ("failure_drills", "bundle_digest")),
        ("evidence_bundle", "workflow_plan_digest", _PLAN),
        ("evidence_bundle", "membership_receipt_digest", _MEMBERS),
        ("evidence_bundle", "contributors[].membership_receipt_digest", _MEMBERS),
        ("closeout_report", "swarm_contract_digest", _LANE),
        ("closeout_report", "topology_contract_digest", _TOPOLOGY),
        ("closeout_report", "rehearsal_report_digest", ("rehearsal_report", "report_digest")),
        ("closeout_report", "evidence_bundle_digest", ("evidence_bundle", "bundle_digest")),
        ("closeout_report", "workflow_plan_digest", _PLAN),
        ("runtime_report", "topology_contract_digest", _TOPOLOGY),
        ("runtime_report", "workflow_plan_digest", _PLAN),
        ("real_run_bundle", "topology_contract_digest", _TOPOLOGY),
        ("real_run_bundle", "workflow_plan_digest", _PLAN),
        *(
            ("launch_manifest", f"contract_digests.{name}", target)
            for name, target in (
                ("swarm_contract_digest", _LANE),
                ("receipt_contract_digest", ("receipt_contract", "contract_digest")),
                ("topology_contract_digest", _TOPOLOGY),
                ("failure_drills_digest", ("failure_drills", "bundle_digest")),
                ("workflow_plan_digest", _PLAN),
                ("workflow_membership_receipt_digest", _MEMBERS),
            )
        ),
        *((k, f"{at}.manifest.receipt_contract_digest", ("receipt_contract", "contract_digest")) for k, at in RECEIPTS),
        *((k, f"{at}.manifest.swarm_contract_digest", _LANE) for k, at in RECEIPTS),
        *((k, f"{at}.manifest.dataset_manifest_digest", _DATASET) for k, at in RECEIPTS),
        *(
            (k, f"{at}.manifest.tokenizer_contract_digest", ("receipt_contract", "tokenizer_contract_digest"))
            for k, at in RECEIPTS
        ),
    )
)

_BYTES = "the adapter's bytes were not retained; only training the job again gives them"
_TEXTS = "the texts of the six samples are in no retained document"
_LAUNCH = "the launch files were made in a folder that was deleted"

UNRETAINED: tuple[Rule, ...] = (
    unretained("workflow_plan", "dataset_report.splits[].object_digest", "file", _TEXTS),
    unretained("workflow_plan", "dataset_report.splits[].datastream_manifest_digest", "mixed", _TEXTS),
    unretained("workflow_plan", "dataset_report.dataset_manifest_digest", "mixed", _TEXTS),
    unretained(
        "mac_bringup_report", "metal_eval_probe.eval_receipt_digest", "struct", "the eval receipt was not retained"
    ),
    unretained(
        "linux_bringup_report",
        "source_inventory_report_digest",
        "file",
        "the inventory belongs to another lane and is not among the retained files",
    ),
    *(
        unretained(kind, name, "file", _LAUNCH)
        for kind in ("rehearsal_report", "evidence_bundle")
        for name in ("launch_manifest_digest", "launch_receipt_digest")
    ),
    *(
        unretained(kind, f"{at}.{name}", "file" if name == "adapter_artifact_digest" else "mixed", _BYTES)
        for kind, at in RECEIPTS
        for name in ("initial_state_dict_digest", "final_state_dict_digest", "adapter_artifact_digest")
    ),
    unretained("runtime_report", "submission_receipts[].upload.upload_manifest_digest", "mixed", _BYTES),
    unretained(
        "publication_report",
        "merge_report_digest",
        "mixed",
        "the merge report and its two notes were not retained",
    ),
    *(
        unretained("binder_projection", path, "link", "its target belongs to another lane and is not retained here")
        for path in (
            "runtime_binder_contract_digest",
            "program_manifest_digest",
            "lane_projections[].runtime_binding_digest",
        )
    ),
    *(
        unretained("merged_artifact_report", path, "mixed", "no sample of this document proves the recipe")
        for path in ("merged_adapter_identity_digest", "merged_portable_bundle_state_dict_digest")
    ),
)
