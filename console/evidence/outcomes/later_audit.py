"""An audit written after the bundle was closed: the run's own account again, and what was found when looking at it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from console.coordination.restore import restored
from console.evidence.audit import write_audit
from console.evidence.checks.verdict import Verdict
from console.evidence.models import BUNDLE_FILE
from console.evidence.outcomes.closed_bundle import ClosedBundle
from console.evidence.outcomes.publication import PublicationReport
from runners.contract.canonical import sha256_hex
from runners.contract.lane import RunContract


@dataclass(frozen=True)
class _Audited:
    run_id: str
    contract: RunContract


def audit_name(run: ClosedBundle) -> str:
    """By the day on which the run ended, so that writing it again replaces it."""
    revision = re.search(r"-r\d+$", run.folder.name)  # each revision of a run of this machine has an audit of its own
    ended = datetime.fromtimestamp(run.records[-1].record.wall_ms / 1000, UTC)
    return f"{ended:%Y-%m-%d}-{run.bundle.run_id}{revision.group() if revision else ''}-audit.md"


def later_audit(run: ClosedBundle, verdict: Verdict, publication: PublicationReport | None) -> str:
    """Markdown. `verdict` is that of the bundle's checker just now."""
    records = [entry.record for entry in run.records]
    state = restored(records, records[-1].mono_ms)
    account = write_audit(_Audited(run.bundle.run_id, run.contract), state, run.account)
    return account + "\n" + _looked_at(run, verdict) + "\n" + _kept(run) + "\n" + _afterwards(run, publication)


def _looked_at(run: ClosedBundle, verdict: Verdict) -> str:
    facts = verdict.facts
    return (
        "## The bundle, looked at afterwards\n\n"
        f"This audit was written later and lies outside the bundle. It cites `{BUNDLE_FILE}` with digest "
        f"`{run.bundle.digest}` and sha256 `{run.citation.bundle_sha256}`. The checker found it "
        f"{'consistent' if verdict.consistent else 'not consistent'} by {facts['rules']} rules over {facts['files']} "
        f"files and {facts['records']} records; its signer is {verdict.signer}.\n"
    )


def _kept(run: ClosedBundle) -> str:
    own = run.folder / "audit.md"
    return f"The audit inside the bundle has sha256 `{sha256_hex(own.read_bytes())}` and is unchanged.\n"


def _afterwards(run: ClosedBundle, publication: PublicationReport | None) -> str:
    if publication is None:
        return "## What happened later\n\nNothing was published from it.\n"
    gates = "\n".join(f"- {gate.gate}: {gate.value} ({gate.threshold})" for gate in publication.gates)
    return (
        "## What happened later\n\n"
        f"The operator published a local snapshot, report `{publication.digest}`, by these gates:\n\n{gates}\n\n"
        f"That is a separate act: the run's own bundle `{run.bundle.digest[:16]}` still says that it published "
        "nothing.\n"
    )
