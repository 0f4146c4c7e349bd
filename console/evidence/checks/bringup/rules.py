"""Rules about one bring-up report, from its seal to its verdict. They ask for truth, not for a ready host."""

from collections.abc import Iterator

from console.evidence.checks.bringup import rules_identity, rules_measured
from console.evidence.checks.bringup.held import Held, Rule
from console.evidence.checks.bringup.judged import disposition_of, judged, reasons_of
from console.evidence.checks.verdict import Mismatch, differs

BEHIND = {  # findings about what only the host could see, and what must be in the report exactly when they hold
    "checkpoint": ("head_sha256",),
    "backend_loads": ("device", "accelerator", "software"),
    "training": ("probe", "gate", "throughput"),
}


def thresholds_are_judged(held: Held) -> Iterator[Mismatch]:
    """Each finding again, from the report's own measurements: none left out, none added, none turned."""
    expected, got = judged(held.report), held.report["findings"]
    names, found = [item["rule"] for item in expected], [item["rule"] for item in got]
    yield from differs("findings", names, found)
    if names == found:
        for one, other in zip(expected, got, strict=True):
            yield from differs(f"finding {one['rule']}", one, other)
    for item in got:
        if item["rule"] == "backend":
            yield from differs("finding backend limit", held.report["requirements"]["backend"], item["limit"])
        there = [held.report[name] is not None for name in BEHIND.get(item["rule"], ())]
        if there:
            yield from differs(f"finding {item['rule']} with its measurements", all(there), item["holds"])


def disposition_follows(held: Held) -> Iterator[Mismatch]:
    """From the findings alone; and a machine that was refused was not trained on."""
    report = held.report
    findings = report["findings"]
    yield from differs("disposition", disposition_of(findings), report["disposition"])
    yield from differs("reasons", reasons_of(findings), report["reasons"])
    before = [item for item in findings if item["scope"] == "machine" and item["rule"] != "throughput"]
    if not all(item["holds"] for item in before):
        for name in ("probe", "gate", "throughput"):
            if report[name] is not None:
                yield Mismatch(name, "nothing trained on a machine that the lane refuses", "a measurement")


RULES: tuple[Rule, ...] = (
    *rules_identity.RULES,
    *rules_measured.RULES,
    thresholds_are_judged,
    disposition_follows,
)
