"""Is this run bundle true to itself? `RULES`, read from top to bottom, is the procedure.

Nothing of the producer is used here. The folder comes from a stranger: whatever lies in it becomes a finding and
never an exception.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from console.evidence.checks import (
    rules_accelerator,
    rules_audit,
    rules_bringup,
    rules_checkpoints,
    rules_claims,
    rules_clocks,
    rules_devices,
    rules_documents,
    rules_execution,
    rules_files,
    rules_journals,
    rules_launch,
    rules_members,
    rules_merge,
    rules_plan,
    rules_replay,
    rules_revision,
    rules_stops,
    rules_summary,
    rules_window,
    rules_work,
)
from console.evidence.checks.allowed_signers import is_allowed
from console.evidence.checks.evidence import Evidence
from console.evidence.checks.layout import BUNDLE_FILE, NAMESPACE, SIGNATURE_FILE
from console.evidence.checks.rule import name_of, run_rule
from console.evidence.checks.stored import UnreadableError
from console.evidence.checks.verdict import Finding, Mismatch, Signer, Verdict

Rule = Callable[[Evidence], Iterator[Mismatch]]

RULES: tuple[Rule, ...] = (
    *rules_files.RULES,
    *rules_documents.RULES,
    *rules_journals.RULES,
    *rules_launch.RULES,
    *rules_members.RULES,
    *rules_bringup.RULES,
    *rules_plan.RULES,
    *rules_revision.RULES,
    *rules_window.RULES,
    *rules_clocks.RULES,
    *rules_stops.RULES,
    *rules_work.RULES,
    *rules_execution.RULES,
    *rules_accelerator.RULES,
    *rules_checkpoints.RULES,
    *rules_replay.RULES,
    *rules_merge.RULES,
    *rules_summary.RULES,
    *rules_devices.RULES,
    *rules_claims.RULES,
    *rules_audit.RULES,
)


def check_real_run(
    bundle_dir: Path, *, allowed_signers: Path | None = None, on_rule: Callable[[int, str], None] | None = None
) -> Verdict:
    """The verdict on a bundle's folder, or on its first file. Reads every file once; writes nothing.

    `on_rule` hears the number (from 0) and name of each rule before it runs: some of them take seconds.
    """
    root = bundle_dir.parent if bundle_dir.name == BUNDLE_FILE else bundle_dir
    evidence = Evidence(root, allowed_signers)
    findings: list[Finding] = []
    for number, rule in enumerate(RULES):
        if on_rule is not None:
            on_rule(number, name_of(rule))
        findings += run_rule(rule, evidence, "bundle")
        if not evidence.bundle:
            break
    return Verdict(
        consistent=not findings,
        signer=_signer(evidence, findings),
        findings=tuple(findings),
        facts=_facts(evidence),
    )


def _signer(evidence: Evidence, findings: list[Finding]) -> Signer:
    if SIGNATURE_FILE not in evidence.folder.files:
        return "missing"
    if any(finding.rule == "bundle_is_signed" for finding in findings) or not evidence.bundle:
        return "bad"
    if evidence.allowed_signers is None:
        return "unknown"
    try:
        allowed = is_allowed(evidence.allowed_signers, evidence.bundle["operator_public_key"], NAMESPACE)
    except (OSError, UnreadableError):
        # The operator's own file, not the bundle, is at fault; without it nobody is known.
        return "unknown"
    return "trusted" if allowed else "unknown"


def _facts(evidence: Evidence) -> dict[str, int]:
    return {
        "files": len(evidence.folder.files),
        "bytes": sum(evidence.folder.files.values()),
        "documents": len(evidence.documents),
        "journals": len(evidence.journals),
        "records": sum(len(journal.lines) for journal in evidence.journals.values()),
        "adapters": len(evidence.adapters),
        "training_states": len(evidence.states),
        "rules": len(RULES),
    }
