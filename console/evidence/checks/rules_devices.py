"""Rules about the per-device summary, for lanes whose contract asks for one."""

import math
from collections.abc import Iterator

from console.evidence.checks.evidence import Body, Evidence
from console.evidence.checks.verdict import Mismatch, differs

SUMMARY = "tailrun_admitted_home_run_summary.json"


def device_summary_is_there_when_asked(e: Evidence) -> Iterator[Mismatch]:
    """The contract says which documents a bundle holds beside the rest; no more, no fewer."""
    asked = e.contract is not None and "per_device_summary" in e.contract["extra_documents"]
    yield from differs(SUMMARY, "there" if asked else "absent", "there" if SUMMARY in e.folder.files else "absent")


def device_summary_tells_the_run(e: Evidence) -> Iterator[Mismatch]:
    """Its counts and dispositions are the bundle's, and its devices those that were admitted."""
    said = e.documents.get(SUMMARY)
    if said is None:
        return
    names = ("run_id", "lane_id", "contract_digest", "result_classification", "merge_disposition")
    more = ("promotion_disposition", "accepted_contributions", "replay_checked_contributions")
    for name in (*names, *more):
        yield from differs(f"{SUMMARY} {name}", e.bundle.get(name), said[name])
    admitted = {line.body["node_id"] for line in e.said("admission_decided") if line.body["outcome"] == "admitted"}
    listed = [row["node_id"] for row in said["per_device_contributions"]]
    yield from differs(f"{SUMMARY} per_device_contributions", sorted(admitted), listed)


def device_rows_are_the_receipts(e: Evidence) -> Iterator[Mismatch]:
    """Every figure of a device comes from its own receipt, its bring-up report and the coordinator's journal."""
    said = e.documents.get(SUMMARY)
    rows = said["per_device_contributions"] if said else []
    receipts = {node: e.receipt(node) for node in e.contributors}
    total = sum(receipt["distinct_samples"] for receipt in receipts.values() if receipt)
    for row in rows:
        for name, expected in _row(e, row["node_id"], receipts.get(row["node_id"]), total).items():
            yield from differs(f"{SUMMARY} {row['node_id']} {name}", expected, row[name])
        trained = (receipts.get(row["node_id"]) or {}).get("tokens_trained", 0)
        rate = trained / row["train_seconds"] if row["train_seconds"] > 0 else 0.0
        if not math.isclose(rate, row["tokens_per_second"], rel_tol=1e-9):
            yield Mismatch(
                f"{SUMMARY} {row['node_id']} tokens_per_second", f"{rate:g}", f"{row['tokens_per_second']:g}"
            )


def _row(e: Evidence, node: str, receipt: Body | None, total: int) -> Body:
    report = e.bringup(node)
    device = report["device"] if report and report["device"] else {}
    endpoints = e.documents.get("operator_manifest.json", {}).get("endpoints", [])
    endpoint: Body = next((item for item in endpoints if item["node_id"] == node), {})
    judged = e.said("contribution_judged", node)
    files = (receipt["adapter"], receipt["adapter_config"]) if receipt else ()
    receipt = receipt or {}
    return {
        "backend_label": device.get("backend_label"),
        "device_label": device.get("device_label"),
        "device_name": device.get("name"),
        "contract_endpoint": endpoint.get("contract_endpoint"),
        "observed_endpoint": endpoint.get("observed_endpoint"),
        "contributor_receipt_digest": receipt.get("digest"),
        "adapter_sha256": files[0]["sha256"] if files else None,
        "upload_bytes": sum(file["size_bytes"] for file in files),
        "steps": receipt.get("steps", 0),
        "distinct_samples": receipt.get("distinct_samples", 0),
        "tokens_presented": receipt.get("tokens_presented", 0),
        "train_seconds": receipt.get("train_seconds", 0.0),
        "last_loss": receipt["step_losses"][-1] if receipt.get("step_losses") else None,
        "share_numerator": receipt.get("distinct_samples", 0),
        "share_denominator": total,
        "disposition": judged[-1].body["disposition"] if judged else "pending",
    }


RULES = (device_summary_is_there_when_asked, device_summary_tells_the_run, device_rows_are_the_receipts)
