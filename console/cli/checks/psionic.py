"""`swarm check psionic`: the old system's documents, which this repository keeps none of."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from console.cli.checks.check import Check, Checked
from console.cli.errors import UsageError
from console.evidence.checks.verdict import Verdict


def is_psionic(document: Path) -> bool:
    """By the schema that the document names; anything unreadable is not."""
    from console.evidence.checks.psionic.kinds import kind_of
    from console.observation.kept_json import read_json

    return kind_of(read_json(document)) is not None


def check(place: Path, _: argparse.Namespace) -> Checked:
    """Consistent is all that it can be: its lines say what the documents do not prove."""
    from console.evidence.checks.psionic import check_psionic

    found = check_psionic(place)
    counts = {str(result): number for result, number in found.counts().items()}
    verdict = Verdict(found.consistent, "missing", found.findings, counts)
    told = {f"  {finding}" for finding in found.findings}  # printed with every verdict
    return Checked(place, verdict, found.to_json(), tuple(line for line in found.lines() if line not in told))


def _none() -> Sequence[Path]:
    return ()


def _unnamed() -> Sequence[Path]:
    raise UsageError("check psionic: expected the old system's documents, got none here; --bundle PATH names them")


CHECK = Check("the old system's documents: every digest recomputed, and what they do not prove", _none, _unnamed, check)
