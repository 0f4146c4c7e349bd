"""`swarm check rehearsal|evidence|closeout|publication`: later documents against the bundles that they cite."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from console.cli.checks.check import Check, Checked
from console.cli.errors import UsageError
from console.evidence.checks.verdict import Verdict
from console.places import data_dir, runs_dir


def _check(what: str, pattern: str, folder: str, own: str, about: str) -> Check:
    """`folder` among the repository's retained documents, `own` of a run of this machine."""

    def retained() -> Sequence[Path]:
        return sorted((data_dir("fixtures") / "swarm" / folder).glob(pattern))

    def default() -> Sequence[Path]:
        found = retained() or sorted(runs_dir().glob(f"*/{own}*/{pattern}"), key=lambda path: path.stat().st_mtime)[-1:]
        if not found:
            raise UsageError(f"check {what}: expected a document, got none on this machine; give --bundle PATH")
        return found

    def within(place: Path) -> Sequence[Path]:
        return (sorted(place.glob(pattern)) or [place / pattern]) if place.is_dir() else [place]

    def check(path: Path, options: argparse.Namespace) -> Checked:
        return Checked(path, _checker(what)(path, allowed_signers=options.allowed_signers))

    return Check(about, retained, default, check, within)


def _checker(what: str) -> Callable[..., Verdict]:
    from console.evidence.checks.outcomes.attempt import check_attempt
    from console.evidence.checks.outcomes.closeout import check_closeout
    from console.evidence.checks.outcomes.publication import check_publication
    from console.evidence.checks.outcomes.rehearsal import check_rehearsal

    kinds: dict[str, Callable[..., Verdict]] = {
        "rehearsal": check_rehearsal,
        "evidence": check_attempt,
        "closeout": check_closeout,
        "publication": check_publication,
    }
    return kinds[what]


CHECKS: dict[str, Check] = {
    "rehearsal": _check(
        "rehearsal", "*_rehearsal_v1.json", "reports", "outcomes", "a rehearsal: phases, bottlenecks, go or no_go"
    ),
    "evidence": _check(
        "evidence", "*_evidence_bundle_v1.json", "reports", "outcomes", "a live attempt: stages and postures"
    ),
    "closeout": _check("closeout", "*_closeout_v1.json", "reports", "outcomes", "a closeout: five gates and the end"),
    "publication": _check(
        "publication",
        "*_local_snapshot_publication_v1.json",
        "publications",
        "publications",
        "a published snapshot, byte for byte",
    ),
}
