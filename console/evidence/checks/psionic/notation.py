"""JSON whose numbers keep their spelling, and the compact form that the old writers hashed."""

import json
from typing import Any, NoReturn

from console.evidence.checks.stored import UnreadableError

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 32
MAX_DIGITS = 20  # the assignment seeds are unsigned 64-bit integers


class Spelled(float):
    """A float that knows its own text: `5.364421e-7` and `5.364421e-07` are one value and two digests."""

    text: str

    def __new__(cls, text: str) -> "Spelled":
        made = super().__new__(cls, text)
        made.text = text
        return made


def parse(raw: bytes, *, limit: int = MAX_BYTES) -> Any:
    """JSON with unique keys, finite numbers, bounded integers and depth. Raises UnreadableError."""
    if len(raw) > limit:
        raise UnreadableError(f"at most {limit} bytes of JSON", str(len(raw)))
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_spelled,
            parse_int=_whole,
        )
        _check(value, 0)
    except UnicodeDecodeError as error:
        raise UnreadableError("UTF-8", f"another byte at offset {error.start}") from error
    except json.JSONDecodeError as error:
        raise UnreadableError("JSON", f"{error.msg} at offset {error.pos}") from error
    except RecursionError as error:
        raise UnreadableError(f"at most {MAX_DEPTH} levels", "far more") from error
    return value


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


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) != len(pairs):
        raise UnreadableError("unique keys", "one key twice")
    return body


def _no_constant(name: str) -> NoReturn:
    raise UnreadableError("finite numbers", name)


def _spelled(text: str) -> Spelled:
    value = Spelled(text) if len(text) <= 32 else Spelled("inf")
    if value in {float("inf"), float("-inf")}:
        raise UnreadableError("a finite float of at most 32 characters", f"one of {len(text)}")
    return value


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise UnreadableError(f"integers of at most {MAX_DIGITS} digits", f"one of {len(text)}")
    return int(text)


def _check(value: object, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise UnreadableError(f"at most {MAX_DEPTH} levels", "more")
    if isinstance(value, str) and any(0xD800 <= ord(char) <= 0xDFFF for char in value):
        raise UnreadableError("Unicode text", "a lone surrogate")
    if isinstance(value, dict):
        for name, item in value.items():
            _check(name, depth)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
