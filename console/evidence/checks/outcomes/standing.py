"""Where a run and each of its contributors stood at the end, computed again from the coordinator's journal."""

from typing import Any

from console.evidence.checks.evidence import Evidence
from console.evidence.checks.outcomes.phases import backend_label, timed

Body = dict[str, Any]
STAGE_TIMES = {
    "bringup_gate": "bring_up",
    "preparation": "prepare",
    "contributor_execution": "train",
    "upload": "fetch",
    "validation": "replay",
    "aggregation": "merge",
}


def last(e: Evidence, kind: str, node: str | None = None) -> Body | None:
    lines = e.said(kind, node)
    return lines[-1].body if lines else None


def disposition(classification: str) -> str:
    if classification == "bounded_success":
        return "completed"
    return "refused" if classification.startswith("refused_") else "failed"


def promotion(e: Evidence) -> Body:
    decided = last(e, "promotion_decided")
    if decided is None:
        return {"disposition": "no_promotion", "missing_gates": ["promotion_not_reached"]}
    missing = [gate["gate"] for gate in decided["gates"] if not gate["passed"]]
    return {"disposition": decided["disposition"], "missing_gates": missing}


def posture(e: Evidence, node: str) -> Body:
    """Every field of a contributor's posture."""
    received, refused = last(e, "bringup_received", node), last(e, "bringup_refused", node)
    admission, submission = last(e, "admission_decided", node), last(e, "submission_judged", node)
    replay, judged = last(e, "replay_judged", node), last(e, "contribution_judged", node)
    assignment, contract = e.assignment(node), e.node_contract(node)
    bringup = refused["reason"] if refused else received["disposition"] if received else "not_observed"
    upload = "planned_only" if assignment else "not_planned"
    if submission:
        upload = "uploaded" if submission["outcome"] == "received" else "rejected"
    aggregation = "not_executed"
    if judged:
        accepted = "merged" if last(e, "merged") else "eligible"
        aggregation = accepted if judged["disposition"] == "accepted" else "ineligible"
    return {
        "node_id": node,
        "roles": contract["roles"] if contract else [],
        "backend_label": backend_label(e, node),
        "bringup_posture": bringup,
        "admission_posture": admission["outcome"] if admission else "not_reached",
        "expected_upload_manifest_digest": assignment["expected_upload"]["digest"] if assignment else None,
        "upload_posture": upload,
        "adapter_sha256": submission["adapter_sha256"] if submission else None,
        "replay_posture": replay["outcome"] if replay else "not_executed",
        "validator_posture": judged["disposition"] if judged else "not_executed",
        "aggregation_posture": aggregation,
        "detail": _trouble(e, node),
    }


def _trouble(e: Evidence, node: str) -> str:
    kinds = ("bringup_refused", "preparation_failed", "contributor_failed")
    told = [line.body for line in e.coordinator if line.kind in kinds and line.body["node_id"] == node]
    if told:
        return str(told[-1]["detail"])
    admission = last(e, "admission_decided", node)
    return str(admission["detail"]) if admission and admission["outcome"] == "refused" else ""


def stages(e: Evidence) -> list[Body]:
    """Stage by stage: refused if anything was, completed if all passed, failed if entered, else skipped."""
    times = timed(e)
    rows = []
    for stage, (reached, required, refused, entered) in _passed(e).items():
        if refused:
            word = "refused"
        elif reached == required:
            word = "completed"
        else:
            word = "failed" if entered else "skipped"
        ms = times[STAGE_TIMES[stage]].whole_ms if stage in STAGE_TIMES else None
        rows.append(
            {"stage_id": stage, "disposition": word, "reached": reached, "required": required, "wallclock_ms": ms}
        )
    return rows


def _passed(e: Evidence) -> dict[str, tuple[int, int, bool, bool]]:
    """(contributors that passed, that must pass, something was refused, the stage was entered)."""
    nodes, said = e.contributors, e.said
    count = len(nodes)

    def those(kind: str) -> list[Body | None]:
        return [last(e, kind, node) for node in nodes]

    admitted = [body["outcome"] for body in those("admission_decided") if body]
    arrived = [body["outcome"] for body in those("submission_judged") if body]
    judged = [body["disposition"] for body in those("contribution_judged") if body]
    seen = sum(body is not None for body in those("contribution_seen"))
    ready = sum(body is not None for body in those("runner_ready"))
    received = sum(body is not None for body in those("bringup_received"))
    merged, promoted = bool(said("merged")), bool(said("promotion_decided"))
    return {
        "bringup_gate": (received, count, bool(said("bringup_refused")), True),
        "admission_gate": (admitted.count("admitted"), count, "refused" in admitted, bool(admitted)),
        "preparation": (ready, count, False, bool(said("plan_bound"))),
        "contributor_execution": (seen, count, False, bool(said("window_opened"))),
        "upload": (arrived.count("received"), count, "rejected" in arrived, seen > 0),
        "validation": (
            judged.count("accepted"),
            count,
            any(word != "accepted" for word in judged),
            bool(said("replay_judged")),
        ),
        "aggregation": (int(merged), 1, False, False),
        "promotion_closeout": (int(promoted), 1, False, merged),
    }
