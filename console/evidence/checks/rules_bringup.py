"""A run's bring-up reports, each judged as it would be alone, under the run's own contract."""

from collections.abc import Iterator

from console.evidence.checks.bringup.held import Held
from console.evidence.checks.bringup.rules import RULES as REPORT_RULES
from console.evidence.checks.bringup.rules_identity import host_signed_its_report, labels_name_the_device
from console.evidence.checks.evidence import Evidence
from console.evidence.checks.verdict import Mismatch

# In a run these two are judged over every document at once, so that one lie gives one finding.
JUDGED_ELSEWHERE = (host_signed_its_report, labels_name_the_device)


def bringups_are_true(e: Evidence) -> Iterator[Mismatch]:
    """Thresholds, gate, product and speed of each report follow from its measurements; its disposition from those."""
    for node in (e.contract or {}).get("nodes", []):
        path, report = f"reports/{node['node_id']}_bringup.json", e.bringup(node["node_id"])
        if report is not None:
            held = Held(report, e.signatures.get(f"{path}.sig"), e.contract)
            for rule in (rule for rule in REPORT_RULES if rule not in JUDGED_ELSEWHERE):
                yield from (Mismatch(f"{path} {item.where}", item.expected, item.got) for item in rule(held))


RULES = (bringups_are_true,)
