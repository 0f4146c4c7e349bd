"""A small language for closed shapes of JSON: what may stand where, and nothing beside it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from console.evidence.checks.verdict import Mismatch, shown


@dataclass(frozen=True)
class Leaf:
    name: str
    fits: Callable[[Any], bool]


@dataclass(frozen=True)
class Maybe:
    """The shape, or null."""

    shape: Any


@dataclass(frozen=True)
class MapOf:
    """An object with any keys and values of one shape."""

    shape: Any


@dataclass(frozen=True)
class AtMost:
    """An object in which one field's number is not above another's, where both are told."""

    shape: Any
    field: str
    limit: str


@dataclass(frozen=True)
class Few:
    """A list of the shape, with at most so many items."""

    shape: Any
    most: int


# dict = closed object; [x] = list of x; frozenset = one of these strings; Leaf, Maybe, MapOf, AtMost, Few as above.
Shape = Any


def misfit(shape: Shape, value: Any, where: str) -> Mismatch | None:
    """The first place at which `value` is not of `shape`."""
    if isinstance(shape, Maybe):
        return None if value is None else misfit(shape.shape, value, where)
    if isinstance(shape, AtMost):
        return misfit(shape.shape, value, where) or _not_above(shape, value, where)
    if isinstance(shape, Few):
        if isinstance(value, list) and len(value) > shape.most:
            return Mismatch(where, f"at most {shape.most} items", str(len(value)))
        return misfit([shape.shape], value, where)
    if isinstance(shape, Leaf):
        return None if shape.fits(value) else Mismatch(where, shape.name, shown(value))
    if isinstance(shape, frozenset):
        fits = isinstance(value, str) and value in shape
        return None if fits else Mismatch(where, f"one of {sorted(shape)}", shown(value))
    if isinstance(shape, list):
        if not isinstance(value, list):
            return Mismatch(where, "a list", shown(value))
        return _first(misfit(shape[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if not isinstance(value, dict):
        return Mismatch(where, "an object", shown(value))
    if isinstance(shape, MapOf):
        return _first(misfit(shape.shape, item, f"{where}.{name[:80]}") for name, item in value.items())
    return _object(shape, value, where)


def _object(shape: dict[str, Shape], value: dict[str, Any], where: str) -> Mismatch | None:
    if unknown := sorted(set(value) - set(shape)):
        return Mismatch(where, "no other field", shown(unknown[0]))
    if missing := sorted(set(shape) - set(value)):
        return Mismatch(where, f"a field {missing[0]}", "none")
    return _first(misfit(part, value[name], f"{where}.{name}") for name, part in shape.items())


def _not_above(shape: AtMost, value: dict[str, Any], where: str) -> Mismatch | None:
    number, limit = value[shape.field], value[shape.limit]
    if number is None or limit is None or number <= limit:
        return None
    return Mismatch(f"{where}.{shape.field}", f"at most {shape.limit}, {limit}", shown(number))


def _first(found: Any) -> Mismatch | None:
    return next((item for item in found if item is not None), None)


def _text(pattern: str, name: str) -> Leaf:
    compiled = re.compile(pattern)
    return Leaf(name, lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None)


def one_of(*words: str) -> frozenset[str]:
    return frozenset(words)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


WHOLE = Leaf("a whole number", _is_whole)
COUNT = Leaf("a whole number, zero or more", lambda value: _is_whole(value) and value >= 0)


def up_to(limit: int) -> Leaf:
    return Leaf(f"a whole number from 0 to {limit}", lambda value: _is_whole(value) and 0 <= value <= limit)


BYTES, PROCESS_ID = (
    up_to(1 << 50),
    Leaf("a whole number from 1 to 2147483647", lambda value: _is_whole(value) and 1 <= value < 1 << 31),
)
NUMBER = Leaf("a number", lambda value: isinstance(value, float) or _is_whole(value))
MEASURE = Leaf("a number within 2^53", lambda value: NUMBER.fits(value) and abs(value) < 1 << 53)
DURATION = Leaf("a number from 0 to 2^53", lambda value: MEASURE.fits(value) and value >= 0)
BOOLEAN = Leaf("true or false", lambda value: isinstance(value, bool))
TEXT = Leaf("text of at most 4000 characters", lambda value: isinstance(value, str) and len(value) <= 4000)
STRING = Leaf("text", lambda value: isinstance(value, str))
SHA256 = _text(r"[0-9a-f]{64}", "64 hex digits")
SIGNATURE = _text(r"[0-9a-f]{128}", "128 hex digits")
NODE = _text(r"[a-z0-9][a-z0-9-]{0,63}", "a node name")
RUN = _text(r"[A-Za-z0-9][A-Za-z0-9_-]{0,95}", "a run name")
FILE = _text(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", "a file name")
LABEL = _text(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,159}", "a label")
ACCELERATOR = _text(r"(cuda|metal):[0-9]{1,3}", "a card's label")
PATH = _text(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*){0,4}", "a relative path inside the bundle")


def document(schema_version: str, **fields: Shape) -> Shape:
    """Every document names its form and owns its digest."""
    return {"schema_version": one_of(schema_version), "digest": SHA256, **fields}
