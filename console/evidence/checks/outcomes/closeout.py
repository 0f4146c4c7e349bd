"""Is this closeout true? Its gates are counted again from the receipts; an open gate verifies as well as a met one."""

from collections.abc import Iterator
from pathlib import Path

from console.evidence.checks.folder import Folder
from console.evidence.checks.lane import names
from console.evidence.checks.outcomes import rules_citation, standing
from console.evidence.checks.outcomes.document_shapes import ATTEMPT, CLOSEOUT
from console.evidence.checks.outcomes.outcome import Body, Outcome, Rule, judge, read_document
from console.evidence.checks.outcomes.publication import REPO_ID, TARGET, check_publication, read_report
from console.evidence.checks.troubles import accepted
from console.evidence.checks.verdict import Mismatch, Verdict, differs

MERGE_RULE = "weighted_mean_of_deltas.rank_stacking"


def check_closeout(path: Path, *, bundle: Path | None = None, allowed_signers: Path | None = None) -> Verdict:
    outcome = Outcome(path, CLOSEOUT, bundle, allowed_signers)
    return judge(outcome, rules_citation.FIRST, (*rules_citation.THEN, *RULES))


def attempt_evidence_is_there(o: Outcome) -> Iterator[Mismatch]:
    """The closeout rests on the attempt's evidence bundle, which lies beside it."""
    name = _attempt_name(o)
    if not (o.path.parent / name).is_file():
        yield Mismatch(name, "the attempt's evidence bundle beside the closeout", "no such file")


def attempt_link_is_current(o: Outcome) -> Iterator[Mismatch]:
    """A stale link: another evidence bundle than the one that was closed out."""
    name = _attempt_name(o)
    if (o.path.parent / name).is_file():
        body, wrong = read_document(Folder(o.path.parent), name, ATTEMPT)
        got = f"unreadable: {wrong.got}" if wrong else body["digest"]
        yield from differs(f"{o.where} attempt_evidence_digest", got, o.body["attempt_evidence_digest"])


def _attempt_name(o: Outcome) -> str:
    return f"{o.body['lane_id']}_evidence_bundle_v1.json".replace("/", "_")


def gates_are_counted_from_receipts(o: Outcome) -> Iterator[Mismatch]:
    """Five gates in their order, each with the value that the receipts give."""
    expected = _gates(o)
    names = [gate["gate"] for gate in expected]
    yield from differs(f"{o.where} closeout_gates", names, [gate["gate"] for gate in o.body["closeout_gates"]])
    for want, got in zip(expected, o.body["closeout_gates"], strict=False):
        for name, value in want.items():
            yield from differs(f"{o.where} {want['gate']} {name}", value, got[name])


def _gates(o: Outcome) -> list[Body]:
    e, required = o.e, len(o.e.contributors)
    members = e.membership["members"] if e.membership else []
    present = sum("contributor" in member["roles"] for member in members)
    taken = [node for node in e.contributors if accepted(e, node)]
    replayed = [
        node for node in taken if (receipt := e.replay(node)) and receipt["outcome"] in ("exact", "within_tolerance")
    ]
    merged, receipt = e.merge_report, e.documents.get("receipts/promotion.json")
    promoted = receipt["disposition"] if receipt else "not_reached"
    parts = len(merged["contributions"]) if merged else 0
    return [
        _count("all_required_contributor_roles_present", present, required),
        _count("validator_acceptance_receipts_exist", len(taken), required),
        _count("replay_receipts_exist_for_accepted_contributions", len(replayed), max(len(taken), 1)),
        {
            "gate": "aggregation_completed_under_policy",
            "passed": merged is not None and parts == required,
            "value": f"{merged['rule']} of {parts}" if merged else "no merge",
            "threshold": f"{MERGE_RULE} of {required}",
        },
        {
            "gate": "promotion_earned_local_snapshot",
            "passed": promoted == "promoted",
            "value": promoted,
            "threshold": "promoted",
        },
    ]


def _count(gate: str, got: int, needed: int) -> Body:
    return {"gate": gate, "passed": got == needed, "value": str(got), "threshold": str(needed)}


def merge_and_promotion_are_the_runs(o: Outcome) -> Iterator[Mismatch]:
    """Merged means that a merge report exists; promoted, that the gates were asked and met."""
    expected = "merged" if o.e.merge_report else "no_merge"
    yield from differs(f"{o.where} merge_disposition", expected, o.body["merge_disposition"])
    yield from differs(f"{o.where} promotion_outcome", standing.promotion(o.e), o.body["promotion_outcome"])
    blocked = [gate["gate"] for gate in _gates(o) if not gate["passed"]]
    yield from differs(f"{o.where} remaining_blockers", blocked, o.body["remaining_blockers"])


def published_means_a_true_publication(o: Outcome) -> Iterator[Mismatch]:
    """Published only by a report beside the run that cites this bundle and verifies; refused only without promotion."""
    said, cited = o.body["publish_disposition"], o.body["publication_digest"]
    expected_snapshot = {
        "publish_id": names.publish_id(o.body["lane_id"]),
        "target": TARGET,
        "repo_id": REPO_ID,
        "expected_local_snapshot_directory": names.snapshot_dir(o.body["lane_id"]),
    }
    yield from differs(f"{o.where} publish_expectation", expected_snapshot, o.body["publish_expectation"])
    if said != "published":
        promoted = standing.promotion(o.e)["disposition"] == "promoted"
        expected = "not_requested" if promoted else "refused"
        yield from differs(f"{o.where} publish_disposition", expected, said)
        yield from differs(f"{o.where} publication_digest", None, cited)
        return
    name = names.publication_report(o.body["lane_id"])
    report = o.path.absolute().parent.parent / "publications" / name
    if not report.is_file():
        yield Mismatch(f"{o.where} publication_digest", f"publications/{name}", "no such file")
        return
    verdict = check_publication(report, bundle=o.bundle_dir)
    if not verdict.consistent:
        yield Mismatch(f"{o.where} publication", "one that verifies", f"{verdict.findings[0]}")
    yield from differs(f"{o.where} publication_digest", read_report(report).get("digest"), cited)


RULES: tuple[Rule, ...] = (
    attempt_evidence_is_there,
    attempt_link_is_current,
    gates_are_counted_from_receipts,
    merge_and_promotion_are_the_runs,
    published_means_a_true_publication,
)
