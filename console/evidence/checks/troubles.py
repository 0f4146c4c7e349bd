"""What became of a contributor by the coordinator's records: its first trouble, and the last word on its work."""

from console.evidence.checks import window_moves as moves
from console.evidence.checks.evidence import Body, Evidence
from console.evidence.checks.journals import Line

# Kinds of record that are trouble of a node, and what that makes of work that is still open or was accepted.
OF_A_NODE: dict[str, str | None] = {
    "bringup_refused": None,
    "admission_decided": None,
    "preparation_failed": None,
    "journal_broken": "quarantined",
    "checkpoint_refused": "quarantined",
    "contributor_failed": "replay_required",
    "submission_judged": "rejected",
}
ONLY_WHEN = {"admission_decided": "refused", "submission_judged": "rejected"}  # by `outcome`
LONGEST_DETAIL = 2000


def what_became_of(e: Evidence, node: str) -> tuple[Body | None, str]:
    """First trouble, as reason and detail, and last word. What is said after the attempt's end changes neither, but for
    a judgement; and one that went against the work stays."""
    trouble: Body | None = None
    word = "pending"
    ended = False
    for line in e.coordinator:
        if line.kind == "window_changed" and line.body["after"] in moves.ENDS:
            ended = True
        if line.body.get("node_id") != node:
            continue
        if line.kind == "contribution_judged":
            word = line.body["disposition"]
        elif _is_trouble(line) and trouble is None and not ended:
            trouble = {"reason": line.body["reason"], "detail": _detail(line)}
            then = OF_A_NODE[line.kind]
            word = then if then and word in ("pending", "accepted") else word
    return trouble, word


def accepted(e: Evidence, node: str) -> bool:
    """Judged so, and nothing that came after it before the attempt's end took it back."""
    return what_became_of(e, node)[1] == "accepted"


def _is_trouble(line: Line) -> bool:
    return line.kind in OF_A_NODE and line.body.get("outcome") == ONLY_WHEN.get(line.kind, line.body.get("outcome"))


def _detail(line: Line) -> str:
    """Of a judgement the first of its findings, which its own text doesn't repeat."""
    if "findings" not in line.body:
        return str(line.body["detail"])
    first = next(iter(line.body["findings"]), None)
    said = f"{first['rule']}: expected {first['expected']}, got {first['got']}" if first else line.body["reason"]
    if line.kind == "checkpoint_refused":
        return f"checkpoint after step {line.body['step']}: {said}"[:LONGEST_DETAIL]
    return str(said)
