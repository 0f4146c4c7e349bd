"""One thing that `swarm check` can verify."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console.evidence.checks.verdict import Verdict


@dataclass(frozen=True)
class Checked:
    """A verdict on one place. `more` are further facts for --json and `lines` the same for a reader."""

    place: Path
    verdict: Verdict
    more: dict[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    also_holds: bool = True  # what was checked beside the verdict, such as a re-execution

    @property
    def verified(self) -> bool:
        return self.verdict.consistent and self.also_holds

    def to_json(self) -> dict[str, Any]:
        return {"place": str(self.place), **self.verdict.to_json(), **self.more, "verified": self.verified}


@dataclass(frozen=True)
class Check:
    """`retained` is what this repository keeps, for `check all`; `default` is what a check without --bundle means.

    `default` raises UsageError where there is nothing to check; `retained` is then empty.
    """

    about: str
    retained: Callable[[], Sequence[Path]]
    default: Callable[[], Sequence[Path]]
    check: Callable[[Path, argparse.Namespace], Checked]
    within: Callable[[Path], Sequence[Path]] = lambda place: (place,)  # what a named place means: each is judged
