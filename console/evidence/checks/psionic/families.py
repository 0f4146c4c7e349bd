"""How the old system made a digest: struct, bar list, Python text and plain bytes."""

import json
from collections.abc import Iterable
from typing import Any

from console.evidence.checks.psionic.notation import Spelled, compact
from console.evidence.checks.stored import sha256_hex

ABSENT = "-"


def struct_digest(prefix: str, body: dict[str, Any], field: str) -> str:
    """Rule S: prefix + compact JSON of the whole object with its own digest field empty."""
    return text_digest(prefix + compact({**body, field: ""}))


def bar_list_digest(*parts: object) -> str:
    """Rule B: each part, also the last, followed by one bar."""
    return text_digest(bars(parts))


def python_text_digest(body: dict[str, Any], field: str) -> str:
    """Rule P: Python's own indented text of the object without its digest key."""
    kept = {name: value for name, value in body.items() if name != field}
    return text_digest(json.dumps(kept, indent=2))


def text_digest(text: str) -> str:
    return sha256_hex(text.encode())


def bars(parts: Iterable[object]) -> str:
    return "".join(f"{word(part)}|" for part in parts)


def joined(*parts: object) -> str:
    return "|".join(word(part) for part in parts)


def word(value: object) -> str:
    """A part of a recipe as text. Raises ValueError for what no recipe holds."""
    if isinstance(value, Spelled):
        return value.text
    if isinstance(value, str) or type(value) is int:
        return str(value)
    raise ValueError(f"a text or an integer where {type(value).__name__} stands")
