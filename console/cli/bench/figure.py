"""One measured figure, and whether its goal is reached."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

JUDGED = ("p50", "p95", "p99", "worst")


@dataclass(frozen=True)
class Figure:
    """`judged` names the statistic that the goal speaks of. A limit of None: told, not judged."""

    goal: str
    what: str
    unit: str
    values: tuple[float, ...]
    limit: float | None = None
    judged: str = "p95"
    size: str = ""

    def at(self, name: str) -> float:
        share = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "worst": 1.0}[name]
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]

    @property
    def reached(self) -> bool | None:
        return None if self.limit is None else self.at(self.judged) <= self.limit

    @property
    def verdict(self) -> str:
        return {None: "", True: "reached", False: "NOT reached"}[self.reached]

    def to_json(self) -> dict[str, Any]:
        return {
            "goal": self.goal, "what": self.what, "size": self.size, "unit": self.unit, "count": len(self.values),
            **{name: round(self.at(name), 3) for name in JUDGED},
            "limit": self.limit, "judged": self.judged, "reached": self.reached,
        }  # fmt: skip

    def line(self) -> str:
        goal = "" if self.limit is None else f"goal {self.judged} {self.limit:g} {self.unit}: {self.verdict}"
        figures = "  ".join(f"{name} {self.at(name):8.1f}" for name in ("p50", self.judged if self.limit else "worst"))
        return (
            f"  {self.goal:<3} {self.what:<52} {self.size:<7} {figures} {self.unit:<3} n={len(self.values):<5} {goal}"
        )

    def row(self) -> str:
        """Of a table in Markdown."""
        goal = "" if self.limit is None else f"{self.judged} {self.limit:g} {self.unit}"
        shown = [f"{self.at(name):.1f}" if len(self.values) > 1 or name == "worst" else "" for name in JUDGED]
        cells = (self.goal, self.what, self.size, *shown, str(len(self.values)), goal, self.verdict)
        return f"| {' | '.join(cells)} |"


TABLE_HEAD = (
    "| goal | figure | terminal | p50 | p95 | p99 | worst | n | wanted | |\n|---|---|---|---|---|---|---|---|---|---|"
)


def millis(seconds: Sequence[float]) -> tuple[float, ...]:
    return tuple(one * 1000 for one in seconds)
