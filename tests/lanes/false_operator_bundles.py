"""One defect each in an operator bundle, everything else sealed again, and the rule that refuses it."""

import json
from collections.abc import Callable
from pathlib import Path

from console.coordination.lane_file import load_lane
from console.evidence.lane_documents.places import LanePlaces, bringup_report
from runners.contract.canonical import sha256_hex
from tests.lanes.defects import put
from tests.lanes.resealing import Body, Edit, relist, rewrite

LANE = "loopback"
PLACES = LanePlaces(LANE)
CONTRACT = load_lane(LANE)
Plant = Callable[[Path], object]


def edited(kind: str, edit: Edit) -> Plant:
    def plant(bundle: Path) -> None:
        rewrite(bundle / PLACES.in_operator_bundle(kind), edit)  # type: ignore[arg-type]
        relist(bundle, LANE)

    return plant


def in_manifest(edit: Edit) -> Plant:
    return lambda bundle: relist(bundle, LANE, edit)


def in_receipt(edit: Edit) -> Plant:
    return lambda bundle: rewrite(bundle / PLACES.launch_receipt, edit)


def in_report(edit: Edit) -> Plant:
    def plant(bundle: Path) -> None:
        rewrite(bundle / "reports" / bringup_report(CONTRACT.nodes[1]), edit)
        relist(bundle, LANE)

    return plant


DEFECTS: tuple[tuple[str, str, Plant], ...] = (
    ("missing_report", "documents_are_there", lambda b: (b / "reports" / bringup_report(CONTRACT.nodes[0])).unlink()),
    ("unlisted_file", "bundle_has_exactly_its_files", lambda b: (b / "notes.txt").write_text("x")),
    (
        "bytes_changed",
        "files_are_as_listed",
        lambda b: (
            rewrite(b / PLACES.in_operator_bundle("drills"), put("drills", 0, "fault", value="Another text."))
            and relist_digest_only(b)
        ),
    ),
    ("receipt_of_another_manifest", "receipt_binds_the_manifest", in_receipt(put("manifest_sha256", value="0" * 64))),
    ("receipt_of_another_run", "receipt_binds_the_manifest", in_receipt(put("run_id", value="run-2"))),
    ("phase_not_completed", "receipt_binds_the_manifest", in_receipt(put("phases", 0, "status", value="failed"))),
    ("a_claimed_live_run", "a_launch_claims_no_run", in_manifest(put("execution_posture", value="live_run"))),
    ("a_claimed_contact", "a_launch_claims_no_run", in_manifest(put("hosts_contacted", value=2))),
    ("another_contract", "manifest_names_its_documents", in_manifest(put("contract_digest", value="1" * 64))),
    ("stale_plan", "links_are_current", edited("plan", put("claim_boundary", value="word " * 12))),
    ("another_endpoint", "hosts_are_the_topologys", in_manifest(put("hosts", 1, "contract_endpoint", value="x:1"))),
    ("another_command", "hosts_are_the_topologys", in_manifest(put("launch_sequence", 0, "command", value="rm"))),
    ("no_boundary", "claims_have_a_boundary", in_manifest(put("claim_boundary", value="Done."))),
    (
        "a_softened_promise",
        "promises_stay_frozen",
        edited("drills", put("drills", 2, "promise", "replay_required", value=False)),
    ),
    (
        "a_younger_report",
        "reports_are_what_the_manifest_says",
        in_manifest(put("hosts", 1, "bringup", "age_ms", value=5)),
    ),
    (
        "a_nicer_verdict",
        "reports_are_what_the_manifest_says",
        in_manifest(put("hosts", 1, "bringup", "disposition", value="ready_to_attempt")),
    ),
    (
        "an_age_of_nothing",
        "reports_are_what_the_manifest_says",
        in_manifest(put("hosts", 0, "bringup", "age_ms", value=5)),
    ),
    (
        "a_report_signed_by_nobody",
        "reports_are_what_the_manifest_says",
        in_manifest(put("hosts", 1, "bringup", "signature", value="0" * 128)),
    ),
    (
        "a_report_changed_under_its_signature",
        "reports_are_what_the_manifest_says",
        in_report(put("machine", "cpu_count", value=64)),
    ),
)


def relist_digest_only(bundle: Path) -> Body:
    """The manifest names the new document's digest and still lists the old bytes."""
    digest = json.loads((bundle / PLACES.in_operator_bundle("drills")).read_bytes())["digest"]
    raw = rewrite(bundle / PLACES.launch_manifest, put("drills_digest", value=digest))
    data = (bundle / PLACES.launch_manifest).read_bytes()
    return rewrite(
        bundle / PLACES.launch_receipt,
        lambda body: body.update(manifest_digest=raw["digest"], manifest_sha256=sha256_hex(data)),
    )
