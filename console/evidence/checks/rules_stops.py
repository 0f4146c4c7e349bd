"""Rules about what stops an attempt for good: drift from what was bound, a contributor whose slice can't be redone."""

from collections.abc import Iterator

from console.evidence.checks import window_moves as moves
from console.evidence.checks.evidence import Evidence
from console.evidence.checks.journals import Line
from console.evidence.checks.verdict import Mismatch, differs

REPLAYABLE = ("replay_required", "wait_then_replay")


def drift_is_as_found(e: Evidence) -> Iterator[Mismatch]:
    """What lay in the document's place is in quarantine and is not the bound one; and the attempt was aborted."""
    for line in e.said("drift_found"):
        document, findings = line.body["document"], line.body["findings"]
        if not findings:
            yield Mismatch(line.where, "what drifted", "no finding")
            continue
        if document == "topology":
            if any(e.position(bound) < e.position(line) for bound in e.said("plan_bound")):
                yield Mismatch(line.where, "the topology's drift before a plan is bound", "a bound plan")
        else:
            yield from _was_another(e, line, findings[0])
        ended = next((said for said in e.said("window_changed") if said.body["after"] in moves.ENDS), None)
        if ended is not None and e.position(ended) > e.position(line):
            yield from differs(f"{ended.where} after drift", "aborted", ended.body["after"])


def _was_another(e: Evidence, line: Line, finding: dict[str, str]) -> Iterator[Mismatch]:
    name = f"{line.body['document']}.json"
    yield from differs(f"{line.where} expected", _bound(e, line.body["document"]), finding["expected"])
    kept = [said for said in e.said("quarantined") if said.body["name"] == name]
    if finding["got"] == finding["expected"]:
        yield Mismatch(line.where, "another document than the bound one", finding["got"])
    if not kept:
        if len(finding["got"]) == len(finding["expected"]) and " " not in finding["got"]:
            yield Mismatch(line.where, f"the document {finding['got'][:16]} in quarantine", "no quarantined record")
        return
    there = e.file_of(f"contract/{name}")
    if there is not None and there.sha256 == kept[-1].body["sha256"]:
        yield Mismatch(line.where, "another document in quarantine than the bound one", "the same bytes")


def _bound(e: Evidence, document: str) -> str | None:
    kind, field = {
        "run_contract": ("run_opened", "contract_digest"),
        "window_plan": ("plan_bound", "plan_digest"),
        "membership_receipt": ("plan_bound", "membership_digest"),
    }[document]
    return next((line.body[field] for line in e.said(kind)), None)


# What ends an attempt by itself as soon as it is on record: field and values, or None where the record is enough.
TROUBLES: dict[str, tuple[str, tuple[str, ...]] | None] = {
    "bringup_refused": None,
    "admission_decided": ("outcome", ("refused",)),
    "preparation_failed": None,
    "runner_changed": ("after", ("stale", "lost")),
    "journal_broken": None,
    "checkpoint_refused": None,
    "contributor_failed": None,
    "submission_judged": ("outcome", ("rejected",)),
    "skew_measured": ("outcome", ("past_bound_waiting", "wait_then_replay")),
    "replay_judged": ("outcome", ("mismatch", "failed")),
    "contribution_judged": ("disposition", ("rejected", "quarantined", "replay_required")),
    "work_failed": None,
    "operator_acted": ("command", ("stop",)),
}


def trouble_ended_the_attempt(e: Evidence) -> Iterator[Mismatch]:
    """No role of a required set is optional: an attempt that met trouble and went on to a merge has no such right."""
    ends = [said for said in e.said("window_changed") if said.body["after"] in moves.ENDS]
    if not ends or ends[0].body["after"] not in ("held", "promoted"):
        return
    for line in e.coordinator[: e.position(ends[0])]:
        trouble = TROUBLES.get(line.kind, ("", ()))
        if trouble is None or (trouble[0] and line.body[trouble[0]] in trouble[1]):
            yield Mismatch(f"{line.where} {line.kind}", "the end of the attempt after it", ends[0].body["after"])


def replay_outlook_is_true(e: Evidence) -> Iterator[Mismatch]:
    """Said once where an attempt ended for want of a contributor, and as revision, verdict and proofs of death say."""
    ends = [line.body["after"] for line in e.said("window_changed") if line.body["after"] in moves.ENDS]
    outlooks, closed = e.said("replay_outlook"), e.said("closed")
    wanted = 1 if ends and ends[-1] in REPLAYABLE else 0
    if len(outlooks) != wanted:
        where = outlooks[-1].where if outlooks else "journals"
        yield Mismatch(where, f"{wanted} replay_outlook of a window that ended as {ends}", str(len(outlooks)))
    if not outlooks or not closed or e.contract is None:
        return
    line = outlooks[-1]
    expected = sorted(_hindrances(e, closed[-1].body["classification"]))
    yield from differs(f"{line.where} findings", expected, sorted(item["rule"] for item in line.body["findings"]))
    yield from differs(f"{line.where} possible", not expected, line.body["possible"])


def _hindrances(e: Evidence, classification: str) -> Iterator[str]:
    assert e.contract is not None
    opened = e.said("revision_opened")
    if classification not in REPLAYABLE:
        yield "ended_replayable"
    if (opened[0].body["revision"] if opened else 0) >= e.contract["policies"]["max_revisions"]:
        yield "revision_left"
    proven = {line.body["node_id"]: line.body["proven_dead"] for line in e.said("released")}
    for node in e.contributors:
        if (e.said("shipped", node) or e.said("launched", node)) and not proven.get(node, False):
            yield "old_process_ended"


RULES = (drift_is_as_found, trouble_ended_the_attempt, replay_outlook_is_true)
