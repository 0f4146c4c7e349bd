"""Rules about the merge, its scores, and what may follow from them."""

import math
import re
from collections.abc import Iterator
from fractions import Fraction

from console.evidence.checks.deltas import Delta, delta_of, total
from console.evidence.checks.evidence import Body, Evidence
from console.evidence.checks.layout import BUNDLE_FILE
from console.evidence.checks.rules_work import config_says
from console.evidence.checks.troubles import accepted
from console.evidence.checks.verdict import Mismatch, differs

REPORT = "retained_artifacts/merged_artifact_report.json"
MERGED = "retained_artifacts/merged/adapter_model.safetensors"
MERGE_BOUND = 1e-6  # ‖merged - mean‖ / ‖mean‖: f32 storage costs about 6e-8
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def weights_are_the_sample_counts(e: Evidence) -> Iterator[Mismatch]:
    """samples / all samples, as the same fractions in every document; they sum to one."""
    report = e.merge_report
    if report is None or e.plan is None:
        return
    shares = report["contributions"]
    merged_nodes = sorted(share["node_id"] for share in shares)
    yield from differs(f"{REPORT} contributions", sorted(e.contributors), merged_nodes)
    samples = {item["node_id"]: len(item["slice"]["sample_ids"]) for item in e.plan["assignments"]}
    every = sum(samples.values())
    for share in shares:
        node = share["node_id"]
        where = f"{REPORT} {node}"
        yield from differs(f"{where} samples", samples.get(node), share["samples"])
        weight = Fraction(share["weight_numerator"], share["weight_denominator"] or 1)
        if share["weight_denominator"] == 0 or weight != Fraction(samples.get(node, 0), every or 1):
            got = f"{share['weight_numerator']}/{share['weight_denominator']}"
            yield Mismatch(f"{where} weight", f"{samples.get(node)}/{every}", got)
        got_file = e.file_of(f"retained_artifacts/{node}/adapter_model.safetensors")
        yield from differs(
            f"{where} adapter_sha256", got_file.sha256 if got_file else "no file", share["adapter_sha256"]
        )
    for line in e.said("merged"):
        expected = {
            "report_digest": report["digest"],
            "merged_sha256": report["merged_adapter"]["sha256"],
            "rank": report["rank"],
            "contributions": shares,
        }
        for name, value in expected.items():
            yield from differs(f"{line.where} {name}", value, line.body[name])


def merge_is_the_mean(e: Evidence) -> Iterator[Mismatch]:
    """The merged delta is rebuilt in float64 from the contributions in this bundle."""
    report, merged = e.merge_report, e.adapters.get(MERGED)
    if report is None or e.contract is None:
        return
    for name, path in (
        ("merged_adapter", MERGED),
        ("merged_adapter_config", "retained_artifacts/merged/adapter_config.json"),
    ):
        got = e.file_of(path)
        kept = (got.size, got.sha256) if got else "no file"
        yield from differs(f"{REPORT} {name}", kept, (report[name]["size_bytes"], report[name]["sha256"]))
    yield from config_says(e, "merged", report["rank"], report["alpha"])
    if merged is None:
        return
    yield from differs(f"{MERGED} rank", report["rank"], merged.rank)
    mean = _mean(e, report)
    delta = delta_of(merged, report["alpha"])
    if mean is None or (mean.left.shape[0], mean.right.shape[1]) != (delta.left.shape[0], delta.right.shape[1]):
        yield Mismatch(MERGED, "contributions of one shape to rebuild it from", "none that fit")
        return
    norm = mean.norm
    residual = total([delta, mean.times(-1.0)]).norm / norm if norm else math.inf
    if residual > MERGE_BOUND:
        yield Mismatch(MERGED, f"the weighted mean within {MERGE_BOUND:g}", f"a difference of {residual:.3g}")
    if abs(residual - report["residual"]) > MERGE_BOUND:
        yield Mismatch(f"{REPORT} residual", f"{residual:.3g}", f"{report['residual']:.3g}")
    if not math.isclose(delta.norm, report["delta_norm"], rel_tol=1e-5):
        yield Mismatch(f"{REPORT} delta_norm", f"{delta.norm:.9g}", f"{report['delta_norm']:.9g}")


def _mean(e: Evidence, report: Body) -> Delta | None:
    assert e.contract is not None
    parts = []
    for share in report["contributions"]:
        adapter = e.adapter(share["node_id"])
        if adapter is None or not share["weight_denominator"]:
            return None
        weight = share["weight_numerator"] / share["weight_denominator"]
        parts.append(delta_of(adapter, e.contract["adapter"]["alpha"]).times(weight))
    shapes = {(part.left.shape[0], part.right.shape[1]) for part in parts}
    return total(parts) if len(shapes) == 1 else None


def scores_agree(e: Evidence) -> Iterator[Mismatch]:
    """Base, every contribution and the merge on the same held-out tokens; one set of figures in every document."""
    receipt = e.documents.get("receipts/score.json")
    if receipt is None:
        yield from differs(f"{BUNDLE_FILE} held_out_scores", [], e.bundle["held_out_scores"])
        return
    scores = receipt["scores"]
    yield from differs(f"{BUNDLE_FILE} held_out_scores", scores, e.bundle["held_out_scores"])
    for line in e.said("scored"):
        yield from differs(f"{line.where} scores", scores, line.body["scores"])
        yield from differs(f"{line.where} receipt_digest", receipt["digest"], line.body["receipt_digest"])
    subjects = sorted(score["subject"] for score in scores)
    yield from differs("receipts/score.json subjects", sorted(["base", "merge", *e.contributors]), subjects)
    shard = e.shards.get("retained_artifacts/held_out.safetensors", {}).get("target_ids")
    for score in scores:
        if shard:
            yield from differs(f"receipts/score.json tokens of {score['subject']}", shard.shape[0], score["tokens"])
        if score["mean_loss"] < 0:
            yield Mismatch(f"receipts/score.json {score['subject']}", "a loss of zero or more", str(score["mean_loss"]))
    held_out = e.file_of("retained_artifacts/held_out.safetensors")
    if held_out:
        yield from differs("receipts/score.json held_out_sha256", held_out.sha256, receipt["held_out_sha256"])


def gates_follow_from_evidence(e: Evidence) -> Iterator[Mismatch]:
    """Every gate is computed again; promoted exactly when all pass."""
    promotion = e.documents.get("receipts/promotion.json")
    if promotion is None or e.contract is None:
        return
    where = "receipts/promotion.json"
    expected = _gates(e)
    got = {gate["gate"]: gate for gate in promotion["gates"]}
    yield from differs(f"{where} gates", sorted(expected), sorted(gate["gate"] for gate in promotion["gates"]))
    for name, (passed, value, threshold) in expected.items():
        if name in got:
            yield from differs(f"{where} {name} passed", passed, got[name]["passed"])
            yield from _figure(f"{where} {name} value", value, got[name]["value"])
            yield from _figure(f"{where} {name} threshold", threshold, got[name]["threshold"])
    all_pass = all(passed for passed, _, _ in expected.values())
    yield from differs(f"{where} disposition", "promoted" if all_pass else "held", promotion["disposition"])
    merged = e.file_of(MERGED)
    yield from differs(
        f"{where} merged_adapter_sha256", merged.sha256 if merged else "no file", promotion["merged_adapter_sha256"]
    )
    for line in e.said("promotion_decided"):
        for name in ("disposition", "gates", "publish_disposition", "publish_reason"):
            yield from differs(f"{line.where} {name}", promotion[name], line.body[name])
        yield from differs(f"{line.where} receipt_digest", promotion["digest"], line.body["receipt_digest"])


def _gates(e: Evidence) -> dict[str, tuple[bool, float, float]]:
    """Passed, value, threshold of every gate of the lane."""
    assert e.contract is not None
    scores = {score["subject"]: score["mean_loss"] for score in e.bundle["held_out_scores"]}
    required = len(e.contributors)
    roles = sum(accepted(e, node) for node in e.contributors)
    replays = [receipt for node in e.contributors if (receipt := e.replay(node))]
    confirmed = sum(receipt["outcome"] in ("exact", "within_tolerance") for receipt in replays)
    improvement = scores.get("base", math.nan) - scores.get("merge", math.nan)
    worst = max((scores.get(node, math.nan) for node in e.contributors), default=math.nan)
    least = e.contract["governance"]["minimum_improvement"]
    return {
        "all_roles_accepted": (roles == required, roles, required),
        "all_contributions_replayed": (confirmed == required, confirmed, required),
        "held_out_improvement": (improvement >= least, improvement, least),
        "not_worse_than_worst_contributor": (
            scores.get("merge", math.nan) <= worst,
            scores.get("merge", math.nan),
            worst,
        ),
    }


def _figure(where: str, expected: float, text: str) -> Iterator[Mismatch]:
    """Gate values are written for people: the first number in the text is the figure, to six digits."""
    found = NUMBER.search(text)
    if found is None or not math.isclose(float(found[0]), expected, rel_tol=1e-5, abs_tol=1e-6):
        yield Mismatch(where, f"{expected:.6g}", text)


def nothing_was_published(e: Evidence) -> Iterator[Mismatch]:
    """Publication is a separate act beside a closed bundle; inside it the answer is always no, with a reason."""
    for path, body in e.documents.items():
        if "publish_disposition" in body and not body["publish_reason"].strip():
            yield Mismatch(f"{path} publish_reason", "a reason", "nothing")


RULES = (
    weights_are_the_sample_counts,
    merge_is_the_mean,
    scores_agree,
    gates_follow_from_evidence,
    nothing_was_published,
)
