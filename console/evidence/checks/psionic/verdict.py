"""What the reading of old documents gives: every digest with its result, and what was not proven."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from console.evidence.checks.verdict import Finding

Result = Literal["verified", "mismatch", "link_ok", "stale_link", "not_recomputable"]
Family = Literal["struct", "bar_list", "mixed", "file", "python_text", "derived", "link"]
Basis = Literal["documents", "recorded behaviour"]
RESULTS: tuple[Result, ...] = ("verified", "link_ok", "stale_link", "not_recomputable", "mismatch")


@dataclass(frozen=True)
class DigestResult:
    """One digest, link or derived value at one place. `rule` is its name in the reference tables."""

    document: str
    kind: str
    rule: str
    where: str
    family: Family
    result: Result
    expected: str
    got: str
    reason: str = ""


@dataclass(frozen=True)
class DocumentFound:
    """A file of the tree and what it was recognised as; `shape` says which generation of it."""

    path: str
    kind: str
    shape: str


@dataclass(frozen=True)
class NotProven:
    """A claim that a reader could take from the documents and that they don't carry.

    `basis` is "documents" when `evidence` was computed from the files at hand.
    """

    about: str
    statement: str
    basis: Basis
    evidence: str


@dataclass(frozen=True)
class PsionicVerdict:
    documents: tuple[DocumentFound, ...]
    digests: tuple[DigestResult, ...]
    not_proven: tuple[NotProven, ...]
    findings: tuple[Finding, ...]  # unreadable, missing or unknown files, and every mismatch

    @property
    def consistent(self) -> bool:
        """True when nothing contradicts and nothing is missing. Says nothing about truth: see `not_proven`."""
        return not self.findings

    def counts(self) -> dict[Result, int]:
        found = Counter(row.result for row in self.digests)
        return {result: found[result] for result in RESULTS}

    def to_json(self) -> dict[str, Any]:
        return {
            "consistent": self.consistent,
            "signer": "missing",
            "counts": dict(self.counts()),
            "documents": [vars(found) for found in self.documents],
            "digests": [vars(row) for row in self.digests],
            "not_proven": [vars(item) for item in self.not_proven],
            "findings": [vars(finding) for finding in self.findings],
        }

    def lines(self) -> list[str]:
        """The report as printable lines, the worst first."""
        state = "consistent" if self.consistent else "not consistent"
        counts = ", ".join(f"{number} {result}" for result, number in self.counts().items())
        lines = [f"{state}: {len(self.documents)} documents, {counts}", "signer: missing (these documents carry none)"]
        lines += [f"  {finding}" for finding in self.findings]
        lines += _grouped("stale links, known upstream", self.digests, "stale_link")
        lines += _grouped("not recomputed", self.digests, "not_recomputable")
        older = [f"  {found.path}: {found.shape}" for found in self.documents if found.shape]
        lines += ["shapes:", *older] if older else []
        if self.not_proven:
            lines.append("what these documents do not prove:")
        lines += [f"  {item.about}: {item.statement} [{item.basis}: {item.evidence}]" for item in self.not_proven]
        return lines


def _grouped(title: str, rows: tuple[DigestResult, ...], result: Result) -> list[str]:
    """One line per rule and reason with the number of places, for results that need no action."""
    found = Counter((row.kind, row.rule, row.reason) for row in rows if row.result == result)
    if not found:
        return []
    return [f"{title}:", *(f"  {kind} {rule} ({number}): {why}" for (kind, rule, why), number in found.items())]
