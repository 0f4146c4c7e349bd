"""JSON as this project stores it, read without trusting who wrote it."""

import hashlib
import json
import math
from collections.abc import Callable
from typing import Any, NoReturn

import rfc8785

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 32
MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
MAX_LINE_BYTES = 64 * 1024


class UnreadableError(ValueError):
    """Bytes that are not the one spelling they should have; the text says expected and got."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected = expected
        self.got = got


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def canonical(value: Any) -> bytes:
    """RFC 8785 bytes. Raises UnreadableError."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, ValueError, RecursionError) as error:
        raise UnreadableError("a value with an RFC 8785 form", str(error)) from error


def stored_form(value: object) -> bytes:
    """Sorted keys, two spaces, UTF-8, one final LF."""
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def parse(
    raw: bytes,
    *,
    limit: int = MAX_DOCUMENT_BYTES,
    parse_float: Callable[[str], float] = float,
    parse_int: Callable[[str], int] | None = None,
) -> Any:
    """JSON with unique keys, finite numbers, integers below 2^53 and bounded depth. Raises UnreadableError.

    How numbers are read may be another's: the old documents were hashed as they are spelled.
    """
    if len(raw) > limit:
        raise UnreadableError(f"at most {limit} bytes of JSON", str(len(raw)))
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=parse_float,
            parse_int=parse_int or _whole,
        )
        _check(value, 0)
    except UnicodeDecodeError as error:
        raise UnreadableError("UTF-8", f"another byte at offset {error.start}") from error
    except json.JSONDecodeError as error:
        raise UnreadableError("JSON", f"{error.msg} at offset {error.pos}") from error
    except RecursionError as error:
        raise UnreadableError(f"at most {MAX_DEPTH} levels", "far more") from error
    return value


def parse_stored(raw: bytes) -> dict[str, Any]:
    """A JSON object in its stored form, byte for byte. Raises UnreadableError."""
    value = parse(raw)
    if not isinstance(value, dict):
        raise UnreadableError("a JSON object", type(value).__name__)
    if stored_form(value) != raw:
        raise UnreadableError("the stored form of a document", "other white space, key order or spelling")
    return value


def digest_of(body: dict[str, Any]) -> str:
    """sha256 over the canonical body without its own `digest`."""
    return sha256_hex(canonical({name: value for name, value in body.items() if name != "digest"}))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name, value in pairs:
        if name in body:
            raise UnreadableError("unique keys", f"{name[:80]!r} twice")
        body[name] = value
    return body


def _no_constant(name: str) -> NoReturn:
    raise UnreadableError("finite numbers", name)


def _whole(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > MAX_INTEGER:
        raise UnreadableError("integers below 2^53", f"one of {len(text)} digits")
    return int(text)


def _check(value: object, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise UnreadableError(f"at most {MAX_DEPTH} levels", "more")
    if isinstance(value, float) and not math.isfinite(value):
        raise UnreadableError("finite numbers", "one past the range of a double")
    if isinstance(value, str) and not value.isascii() and not _is_unicode(value):
        raise UnreadableError("Unicode text", "a lone surrogate")
    if isinstance(value, dict):
        for name, item in value.items():
            _check(name, depth)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
