"""The revision before a forged replay: what of its bundle the replay carries."""

from typing import TYPE_CHECKING

from console.evidence.models import BUNDLE_FILE, SIGNATURE_FILE, BundleFile, RealRunBundle
from console.evidence.sshsig import sign_bundle
from runners.contract.canonical import readable_bytes
from runners.contract.plan import WindowPlan
from runners.contract.states import Classification
from tests.checks.resealing import Body, operator_key_file, reseal_body, sized

if TYPE_CHECKING:
    from tests.checks.forge import Forge


def cite_previous(run: "Forge") -> str:
    """Document, signature and plan under `previous/`; the digest that the replay's journal cites."""
    run.paths.previous.mkdir(exist_ok=True)
    plan = _plan(run)
    (run.paths.previous / "window_plan.json").write_bytes(readable_bytes(plan))
    bundle = RealRunBundle.seal(
        run_id=run.plan.run_id,
        run_family_id=run.contract.run_family_id,
        lane_id=run.contract.lane_id,
        result_classification=Classification.REPLAY_REQUIRED,
        reason="forged: found stale",
        contract_digest=run.contract.digest,
        plan_digest=plan["digest"],
        membership_digest=run.membership.digest,
        coordinator_public_key=run.public["coordinator"],
        operator_public_key=run.public["operator"],
        total_contributions=0,
        accepted_contributions=0,
        replay_checked_contributions=0,
        merge_disposition="no_merge",
        promotion_disposition="not_reached",
        publish_disposition="refused",
        publish_reason="nothing was promoted",
        held_out_scores=(),
        findings=(),
        claim_boundary="forged",
        files=(BundleFile(path="contract/window_plan.json", **sized(readable_bytes(plan))), *_checkpoints(run)),
    )
    body = bundle.to_json()
    if run.lies.previous:
        run.lies.previous(body)
        reseal_body(body)
    (run.paths.previous / BUNDLE_FILE).write_bytes(readable_bytes(body))
    signature = sign_bundle(readable_bytes(body), operator_key_file(run.paths.root))
    (run.paths.previous / SIGNATURE_FILE).write_bytes(signature)
    return str(body["digest"])


def _checkpoints(run: "Forge") -> tuple[BundleFile, ...]:
    """Of a node whose work goes on, as the earlier bundle lists them."""
    return tuple(
        BundleFile(
            path=f"retained_artifacts/{item.node_id}/checkpoints/{ref.file.name}",
            size_bytes=ref.file.size_bytes,
            sha256=ref.file.sha256,
        )
        for item in run.plan.assignments
        for ref in item.continues_from
    )


def _plan(run: "Forge") -> Body:
    """The same work under the revision before."""
    said: Body = run.plan.to_json()
    said["revision"] -= 1
    for item in said["assignments"]:
        item["revision"] -= 1
        item["continues_from"] = []
        item["expected_upload"]["identity"]["revision"] -= 1
    if run.lies.previous_plan:
        run.lies.previous_plan(said)
    reseal_body(said)
    return WindowPlan.from_json(said).to_json()
