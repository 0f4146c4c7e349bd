"""One rule: where a digest stands, of which family it is, and what it should be."""

from collections.abc import Callable
from dataclasses import dataclass

from console.evidence.checks.psionic.families import ABSENT, bar_list_digest, struct_digest
from console.evidence.checks.psionic.scene import InputMissingError, Spot, reach
from console.evidence.checks.psionic.verdict import Family

Compute = Callable[[Spot], object]


@dataclass(frozen=True)
class Rule:
    """`name` is how the reference tables call it, `stale` why a link is known to be unequal."""

    kind: str
    path: str
    family: Family
    compute: Compute
    name: str = ""
    stale: str = ""
    stored: Compute | None = None  # what to compare, where it isn't the field itself
    optional: bool = False  # the field may be absent
    most: int = 4096  # places in one document; a search at each of them must stay cheap

    @property
    def label(self) -> str:
        return self.name or self.path


def struct(kind: str, path: str, prefix: str) -> Rule:
    def compute(spot: Spot) -> str:
        return struct_digest(f"{prefix}|", spot.owner, str(spot.key))

    return Rule(kind, path, "struct", compute)


def bar_list(kind: str, path: str, label: str, fields: tuple[str, ...]) -> Rule:
    """`^` reads from the root, `<` from the object around, `?` may be absent, `*` spreads a list."""

    def compute(spot: Spot) -> str:
        return bar_list_digest(label, *(part for field in fields for part in _parts(spot, field)))

    return Rule(kind, path, "bar_list", compute)


def _parts(spot: Spot, field: str) -> list[object]:
    source = {"^": spot.root, "<": spot.parent}.get(field[0], spot.owner)
    name = field.lstrip("^<").rstrip("?*")
    if field.endswith("?") and name not in source:
        return [ABSENT]
    value = reach(source, name)
    return list(value) if field.endswith("*") else [value]


def link(kind: str, path: str, compute: Compute, *, name: str = "", stale: str = "") -> Rule:
    return Rule(kind, path, "link", compute, name, stale)


def lane_link(kind: str, path: str, target: str, target_path: str) -> Rule:
    """Equal to a value of the lane's one document of another kind."""

    def compute(spot: Spot) -> object:
        return reach(spot.scene.lane(target), target_path)

    return link(kind, path, compute)


def unretained(kind: str, path: str, family: Family, why: str) -> Rule:
    """A digest whose input is in no retained file."""

    def compute(_: Spot) -> object:
        raise InputMissingError(why)

    return Rule(kind, path, family, compute)
