"""Rules are run: each yields mismatches, gets its name, is bounded, and refuses whatever it trips over."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from console.evidence.checks.verdict import Finding, Mismatch, Verdict, shown

S = TypeVar("S")
MOST_FINDINGS = 20  # of one rule; a wholly different folder must not bury the first broken link


def name_of(rule: Callable[[S], Iterator[Mismatch]]) -> str:
    return getattr(rule, "__name__", "rule")


def run_rule(rule: Callable[[S], Iterator[Mismatch]], subject: S, where: str) -> list[Finding]:
    """A rule's findings. One that trips over hostile content refuses it, at `where`: a checker that gives up has
    verified nothing."""
    name = name_of(rule)
    found: list[Finding] = []
    try:
        for item in rule(subject):
            found.append(Finding(name, shown(item.where), shown(item.expected), shown(item.got)))
            if len(found) == MOST_FINDINGS:
                break
    except Exception as error:
        got = shown(f"{type(error).__name__}: {error}")
        found.append(Finding(name, where, "evidence that this rule can read", got))
    return found


def judge(subject: S, rules: Sequence[Callable[[S], Iterator[Mismatch]]], facts: dict[str, int]) -> Verdict:
    """Every finding of every rule, of documents that nobody signed as a whole."""
    findings = tuple(finding for rule in rules for finding in run_rule(rule, subject, "documents"))
    return Verdict(not findings, "missing", findings, {**facts, "rules": len(rules)})
