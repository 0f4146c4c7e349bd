"""What `swarm check all --json` said, as rows of a table."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.observation.figures import words


@dataclass(frozen=True, slots=True)
class CheckResult:
    what: str
    place: Path
    verified: bool
    signer: str
    counted: str
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckResults:
    """`problem` says why there are none."""

    at_ms: int
    results: tuple[CheckResult, ...] = ()
    problem: str = ""

    @property
    def summary(self) -> str:
        good = sum(one.verified for one in self.results)
        return self.problem or f"{good} of {len(self.results)} verified"


def read_results(stdout: str, at_ms: int) -> CheckResults:
    """Never raises: what isn't the checks' own document is said in its place."""
    try:
        body = json.loads(stdout)
        results = tuple(_result(what, one) for what, found in body.items() for one in found)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return CheckResults(at_ms, problem=f"the checks spoke badly: {type(error).__name__}: {error}"[:200])
    return CheckResults(at_ms, results)


def _result(what: str, one: dict[str, Any]) -> CheckResult:
    counted = ", ".join(f"{count} {words(name)}" for name, count in one["facts"].items() if count)
    findings = tuple(f"{each['rule']}: {each['where']}: expected {each['expected']}, got {each['got']}"
                     for each in one["findings"])  # fmt: skip
    return CheckResult(what, Path(one["place"]), bool(one["verified"]), str(one["signer"]), counted, findings)
