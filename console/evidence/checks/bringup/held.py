"""A bring-up report of the right shape, with what lay beside it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from console.evidence.checks.verdict import Mismatch

Body = dict[str, Any]


@dataclass(frozen=True)
class Held:
    """A report of the right shape, with what lay beside it."""

    report: Body
    signature: str | None  # hex, as read from the .sig file
    contract: Body | None  # the lane's contract, where the caller has it

    @property
    def receipt(self) -> Body | None:
        gate = self.report["gate"]
        return None if gate is None else gate["receipt"]


Rule = Callable[[Held], Iterator[Mismatch]]
