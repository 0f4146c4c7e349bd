"""Rules about the life of the window: allowed moves, and decisions after their evidence."""

import itertools
from collections.abc import Iterator

from console.evidence.checks import window_moves as moves
from console.evidence.checks.evidence import Evidence
from console.evidence.checks.journals import Line
from console.evidence.checks.layout import BUNDLE_FILE
from console.evidence.checks.verdict import Mismatch, differs


def _said_before(e: Evidence, limit: int, condition: moves.Condition, node: str | None = None) -> bool:
    first = e.first_said(*condition, node)
    return first is not None and first < limit


def _lacking(
    e: Evidence, line: Line, what: str, conditions: tuple[moves.Condition, ...], node: str | None = None
) -> Iterator[Mismatch]:
    for condition in conditions:
        if not _said_before(e, e.position(line), condition, node):
            kind, _, values = condition
            expected = " ".join([kind, *([" or ".join(values)] if values else []), *([f"of {node}"] if node else [])])
            yield Mismatch(line.where, f"{expected} before {what}", "no such record")


def window_moves_are_allowed(e: Evidence) -> Iterator[Mismatch]:
    """planned, admitting, preparing, active ... closed, or a side exit: never back, never past a gate."""
    state = "planned"
    for line in e.said("window_changed"):
        before, after = line.body["before"], line.body["after"]
        yield from differs(f"{line.where} before", state, before)
        if after not in moves.MOVES[before]:
            yield Mismatch(line.where, f"from {before} to one of {sorted(moves.MOVES[before])}", after)
        state = after
    yield from differs("journals: last state of the window", "closed", state)


def moves_follow_their_evidence(e: Evidence) -> Iterator[Mismatch]:
    """No `active` before every host is ready, no `sealed` before every submission, no side exit without a cause."""
    for line in e.said("window_changed"):
        after = line.body["after"]
        what = f"the window is {after}"
        yield from _lacking(e, line, what, moves.BEFORE.get(after, ()))
        for node in e.contributors:
            yield from _lacking(e, line, what, moves.BEFORE_FOR_EACH.get(after, ()), node)
        causes = moves.CAUSES.get(after, ())
        if causes and not any(_said_before(e, e.position(line), cause) for cause in causes):
            expected = " or ".join(cause[0] for cause in causes)
            yield Mismatch(line.where, f"a cause before the window is {after}: {expected}", "no such record")


def decisions_follow_their_evidence(e: Evidence) -> Iterator[Mismatch]:
    """Accepted after received and replayed, merged after all are accepted, promoted after scored."""
    for line in e.coordinator:
        node = line.body.get("node_id")
        yield from _lacking(e, line, line.kind, moves.NEEDS.get(line.kind, ()))
        yield from _lacking(e, line, line.kind, moves.NEEDS_ABOUT_NODE.get(line.kind, ()), node)
        if line.kind == "contribution_judged" and line.body["disposition"] == "accepted":
            yield from _lacking(e, line, "acceptance", moves.ACCEPTANCE_NEEDS, node)
            yield from differs(f"{line.where} findings", [], line.body["findings"])
        if line.kind == "merged":
            accepted = ("contribution_judged", "disposition", ("accepted",))
            for name in e.contributors:
                yield from _lacking(e, line, "aggregation", (accepted, *moves.ACCEPTANCE_NEEDS), name)


def decided_once(e: Evidence) -> Iterator[Mismatch]:
    """Commands are idempotent: what ends a question is on record once, also after a restart."""
    for kind in ("run_opened", "plan_bound", "window_opened", "merged", "scored", "promotion_decided", "closed"):
        for line in e.said(kind)[1:]:
            yield Mismatch(line.where, f"{kind} once", "a second one")
    for kind in ("contribution_seen", "submission_judged", "replay_judged", "runner_ready"):
        for node in e.contributors:
            for line in e.said(kind, node)[1:]:
                yield Mismatch(line.where, f"{kind} of {node} once", "a second one")


def one_verdict_at_the_end(e: Evidence) -> Iterator[Mismatch]:
    """Exactly one classification, as the last record, with its cause on record, and the same in the bundle."""
    closed = e.said("closed")
    if not closed:
        yield Mismatch("journals", "a closed record", "none")
        return
    last = closed[-1]
    if e.coordinator[-1] is not last:
        yield Mismatch(e.coordinator[-1].where, "nothing after the closed record", e.coordinator[-1].kind)
    verdict = last.body["classification"]
    yield from differs(f"{BUNDLE_FILE} result_classification", verdict, e.bundle["result_classification"])
    yield from differs(f"{BUNDLE_FILE} reason", last.body["reason"], e.bundle["reason"])
    ends = [line.body["after"] for line in e.said("window_changed") if line.body["after"] in moves.ENDS]
    succeeded = bool(ends) and ends[-1] in ("held", "promoted")
    if succeeded != (verdict == "bounded_success"):
        yield Mismatch(last.where, "bounded_success exactly after held or promoted", f"{verdict} after {ends}")
    causes = moves.VERDICT_CAUSES.get(verdict, ())
    if causes and not any(_said_before(e, e.position(last), cause) for cause in causes):
        yield Mismatch(last.where, f"a cause of {verdict}: {' or '.join(c[0] for c in causes)}", "no such record")


def records_cover_what_they_speak_of(e: Evidence) -> Iterator[Mismatch]:
    """`ready` and `produced` as the coordinator saw them are in the contributor's journal, before the cited head."""
    ends: dict[str, dict[tuple[str, str], int]] = {}
    for kind, source in (
        ("runner_ready", "ready"),
        ("contribution_seen", "produced"),
        ("checkpoint_kept", "checkpointed"),
        ("checkpoint_refused", "checkpointed"),
        ("contributor_failed", ("failed", "exited")),
    ):
        for line in e.said(kind):
            head = line.body["head"]
            sources = (source,) if isinstance(source, str) else source
            node = line.body["node_id"]
            if node not in ends:
                ends[node] = _first_ends(e.lines_of(node))
            seen = [ends[node].get((head["file"], source)) for source in sources]
            if all(end is None or end > head["offset"] for end in seen):
                expected = f"{' or '.join(sources)} in {head['file']} before byte {head['offset']}"
                yield Mismatch(line.where, expected, "no such record")


def _first_ends(lines: list[Line]) -> dict[tuple[str, str], int]:
    """Where the first record of each kind ends, by its journal."""
    ends: dict[tuple[str, str], int] = {}
    for line in lines:
        ends.setdefault((line.file, line.kind), line.end)
    return ends


def contributors_waited_for_permission(e: Evidence) -> Iterator[Mismatch]:
    """Claimed, ready, began, produced, in this order: no work before the window was open."""
    order = {"opened": 0, "claimed": 1, "acknowledged": 2, "ready": 3, "began": 4, "produced": 5}
    for node in e.contributors:
        for journal in e.story_of(node):
            told = [line for line in journal.lines if line.kind in order]
            for expected, line in enumerate(told):
                if order[line.kind] != expected:
                    step = next(kind for kind, place in order.items() if place == min(expected, 5))
                    yield Mismatch(line.where, f"{step} before {line.kind}", "another order, or one twice")
                    break
        for line in e.story_lines(node):
            digest = line.body.get("assignment_digest")
            assignment = e.assignment(node)
            if digest and assignment:
                yield from differs(f"{line.where} assignment_digest", assignment["digest"], digest)


def beats_count_up(e: Evidence) -> Iterator[Mismatch]:
    """Alive is counted by `beat`, progress by `step`; neither goes back within one process."""
    for node in e.contributors:
        assignment = e.assignment(node)
        steps = assignment["recipe"]["steps"] if assignment else None
        for journal in e.story_of(node):
            beats = [line for line in journal.lines if line.kind == "heartbeat"]
            for one, other in itertools.pairwise(beats):
                if other.body["beat"] <= one.body["beat"] or other.body["step"] < one.body["step"]:
                    yield Mismatch(other.where, "beat and step that go on", "one that went back")
            for line in beats:
                if steps is not None and (line.body["steps"], line.body["step"] <= steps) != (steps, True):
                    yield Mismatch(line.where, f"a step of {steps}", f"{line.body['step']} of {line.body['steps']}")


RULES = (
    window_moves_are_allowed,
    moves_follow_their_evidence,
    decisions_follow_their_evidence,
    decided_once,
    one_verdict_at_the_end,
    contributors_waited_for_permission,
    records_cover_what_they_speak_of,
    beats_count_up,
)
