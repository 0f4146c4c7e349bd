"""Three questions about a folder of fixtures: is the lane true, is its plan, are its drills?"""

from pathlib import Path

from console.evidence.checks.lane import rules_drills, rules_links, rules_plan, rules_topology
from console.evidence.checks.lane.held import FORM_RULES, hold
from console.evidence.checks.lane.names import LANE_NAME, SCHEMAS
from console.evidence.checks.rule import judge
from console.evidence.checks.verdict import Finding, Verdict, shown

LANE_RULES = (*FORM_RULES, *rules_links.RULES, *rules_plan.RULES, *rules_topology.RULES, *rules_drills.RULES)
PLAN_RULES = (*FORM_RULES, *rules_links.RULES, *rules_plan.RULES)
DRILL_RULES = (*FORM_RULES, *rules_links.RULES, *rules_drills.RULES)


def check_lane(root: Path, lane: str) -> Verdict:
    """All six documents of the lane below `root`, against its TOML, the base and the dataset that lie there too."""
    return _refused(lane) or judge(held := hold(root, lane, tuple(SCHEMAS)), LANE_RULES, {"documents": len(held.paths)})


def check_plan(root: Path, lane: str) -> Verdict:
    kinds = ("contract", "receipt_contract", "plan")
    return _refused(lane) or judge(hold(root, lane, kinds), PLAN_RULES, {"documents": len(kinds)})


def check_drills(root: Path, lane: str) -> Verdict:
    kinds = ("contract", "plan", "topology", "drills")
    return _refused(lane) or judge(hold(root, lane, kinds), DRILL_RULES, {"documents": len(kinds)})


def _refused(lane: str) -> Verdict | None:
    """A lane's name becomes part of paths."""
    if LANE_NAME.fullmatch(lane):
        return None
    finding = Finding("lane_has_a_plain_name", "lane", "letters, digits, _ and -", shown(lane))
    return Verdict(consistent=False, signer="missing", findings=(finding,))
