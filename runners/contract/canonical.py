"""The one canonical form: RFC 8785 JSON, and the one readable form of a stored document."""

import hashlib
import json
import math
from typing import Any, NoReturn

import rfc8785

from runners.contract.errors import MalformedBytes

JsonValue = Any  # dict | list | str | int | float | bool | None, checked by parse_strict

MAX_INTEGER = 2**53 - 1  # RFC 8785 numbers are IEEE doubles
MAX_DEPTH = 32
MAX_DOCUMENT_BYTES = 16 * 1024 * 1024


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def canonical_bytes(value: JsonValue) -> bytes:
    """UTF-8 bytes of `value` in RFC 8785 form. Raises MalformedBytes for NaN, infinities and integers past 2^53."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, ValueError, RecursionError) as error:
        raise MalformedBytes(f"value has no canonical form: {error}") from error


def readable_bytes(value: JsonValue) -> bytes:
    """The form that documents are stored in: sorted keys, two spaces, one final LF, UTF-8."""
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def parse_strict(raw: bytes, *, limit: int = MAX_DOCUMENT_BYTES) -> JsonValue:
    """Parse hostile JSON: UTF-8 only, no duplicate keys, no NaN, no huge integers, bounded depth and size."""
    if len(raw) > limit:
        raise MalformedBytes(f"expected at most {limit} bytes of JSON, got {len(raw)}")
    try:
        text = raw.decode("utf-8", errors="strict")
        value = json.loads(
            text, object_pairs_hook=_unique_pairs, parse_constant=_refuse_constant, parse_int=_bounded_int
        )
    except UnicodeDecodeError as error:
        raise MalformedBytes(f"expected UTF-8, got an invalid byte at offset {error.start}") from error
    except RecursionError as error:
        raise MalformedBytes(f"expected JSON nested at most {MAX_DEPTH} deep, got far deeper") from error
    except json.JSONDecodeError as error:
        raise MalformedBytes(f"expected JSON, got {error.msg} at offset {error.pos}") from error
    _check_tree(value, 0)
    return value


def _unique_pairs(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    result: dict[str, JsonValue] = {}
    for name, value in pairs:
        if name in result:
            raise MalformedBytes(f"expected unique keys, got {name[:80]!r} twice")
        result[name] = value
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedBytes(f"expected a finite number, got {name}")


def _bounded_int(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > MAX_INTEGER:
        raise MalformedBytes(f"expected an integer below 2^53, got one of {len(text)} digits")
    return int(text)


def _check_tree(value: JsonValue, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise MalformedBytes(f"expected JSON nested at most {MAX_DEPTH} deep, got deeper")
    if isinstance(value, float) and not math.isfinite(value):
        raise MalformedBytes("expected a finite number, got one beyond the range of a double")
    if isinstance(value, str) and not value.isascii() and not _is_unicode(value):
        raise MalformedBytes("expected Unicode text, got a lone surrogate")
    if isinstance(value, dict):
        for name, item in value.items():
            _check_tree(name, depth)
            _check_tree(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check_tree(item, depth + 1)


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
