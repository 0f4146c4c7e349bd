"""What a check says: every broken rule, the first broken link first."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Signer = Literal["trusted", "unknown", "missing", "bad"]
LONGEST_TEXT = 300  # a hostile value must not fill the operator's screen


@dataclass(frozen=True)
class Mismatch:
    """What a rule yields; the rule's name is added by whoever runs it."""

    where: str
    expected: str
    got: str


@dataclass(frozen=True)
class Finding:
    """One broken rule at one place."""

    rule: str
    where: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.where}: expected {self.expected}, got {self.got}"


@dataclass(frozen=True)
class Verdict:
    """`consistent` speaks of the records among themselves, `signer` of who stands behind them."""

    consistent: bool
    signer: Signer
    findings: tuple[Finding, ...]
    facts: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "consistent": self.consistent,
            "signer": self.signer,
            "findings": [vars(finding) for finding in self.findings],
            "facts": dict(self.facts),
        }


def shown(value: object) -> str:
    """A value from hostile bytes as one short line without control characters."""
    text = value if isinstance(value, str) else repr(value)
    text = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text[:LONGEST_TEXT])
    return text or "''"


def differs(where: str, expected: object, got: object) -> Iterator[Mismatch]:
    """One mismatch when the two are not equal."""
    if expected != got:
        yield Mismatch(where, shown(expected), shown(got))
