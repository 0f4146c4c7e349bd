"""Documents of a stranger's folder, taken apart without trust: a part that isn't there is None, never an exception."""

import json
import os
from math import nan
from pathlib import Path
from typing import Any

from console.evidence.kept_file import open_kept
from console.observation.plain import plain
from runners.records.errors import RecordsError

MAX_DOCUMENT = 16 * 1024 * 1024
LARGEST = 2**63


def read_json(path: Path) -> dict[str, Any]:
    """The document, or an empty one when it can't be read; whether that is wrong is the checker's business."""
    try:
        with os.fdopen(open_kept(path), "rb") as stream:
            body = json.loads(stream.read(MAX_DOCUMENT + 1))
    except (RecordsError, OSError, ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def part(body: object, *names: str) -> Any:
    """What lies under the names, one within the other; None where there is nothing."""
    for name in names:
        body = body.get(name) if isinstance(body, dict) else None
    return body


def text(body: object, *names: str, limit: int = 300) -> str:
    value = part(body, *names)
    return plain(value, limit) if isinstance(value, str) else ""


def texts(body: object, *names: str) -> tuple[str, ...]:
    """The texts of a list, at most 100 of them."""
    value = part(body, *names)
    return tuple(plain(one, 100) for one in value[:100] if isinstance(one, str)) if isinstance(value, list) else ()


def number(body: object, *names: str) -> int | float | None:
    """A number that can be reckoned with: finite, and no larger than 64 bits hold."""
    value = part(body, *names)
    return value if _is_number(value) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST


def items(body: object, *names: str) -> list[dict[str, Any]]:
    """The objects of a list, at most 10 000."""
    value = part(body, *names)
    return [one for one in value[:10_000] if isinstance(one, dict)] if isinstance(value, list) else []


def numbers(body: object, *names: str) -> tuple[float, ...]:
    value = part(body, *names)
    if not isinstance(value, list) or not all(isinstance(one, int | float) for one in value):
        return ()
    return tuple(float(one) if _is_number(one) else nan for one in value[:1_000_000])
