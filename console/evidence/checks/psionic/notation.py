"""JSON whose numbers keep their spelling, and the compact form that the old writers hashed."""

import json
from typing import Any

from console.evidence.checks import stored
from console.evidence.checks.stored import UnreadableError

MAX_BYTES = 4 * 1024 * 1024
MAX_DIGITS = 20  # the assignment seeds are unsigned 64-bit integers


class Spelled(float):
    """A float that knows its own text: `5.364421e-7` and `5.364421e-07` are one value and two digests."""

    text: str

    def __new__(cls, text: str) -> "Spelled":
        made = super().__new__(cls, text)
        made.text = text
        return made


def parse(raw: bytes, *, limit: int = MAX_BYTES) -> Any:
    """JSON with unique keys, finite numbers as spelled, bounded integers and depth. Raises UnreadableError."""
    return stored.parse(raw, limit=limit, parse_float=_spelled, parse_int=_whole)


def compact(value: Any) -> str:
    """No white space, keys in file order, floats as spelled, non-ASCII unescaped: what serde_json writes."""
    if isinstance(value, Spelled):
        return value.text
    if isinstance(value, dict):
        return "{" + ",".join(f"{_text(name)}:{compact(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(compact(item) for item in value) + "]"
    return _text(value)


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _spelled(text: str) -> Spelled:
    value = Spelled(text) if len(text) <= 32 else Spelled("inf")
    if value in {float("inf"), float("-inf")}:
        raise UnreadableError("a finite float of at most 32 characters", f"one of {len(text)}")
    return value


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise UnreadableError(f"integers of at most {MAX_DIGITS} digits", f"one of {len(text)}")
    return int(text)
