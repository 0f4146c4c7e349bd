"""Documents: frozen, strict, closed, and stored in one form only."""

from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from runners.contract.canonical import canonical_bytes, parse_strict, readable_bytes, sha256_hex
from runners.contract.errors import DigestMismatch, MalformedBytes


class Word(BaseModel):
    """A part of a document. Deeply frozen as long as every container is a tuple."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


class Document(Word):
    """A word that stands alone: it names its type and its own digest.

    Subclasses declare `schema_version: Literal[...]`, so equal bodies of two types never share a digest.
    """

    schema_version: str
    digest: str = ""

    @classmethod
    def seal(cls, **fields: Any) -> Self:
        """The document with its digest filled in."""
        draft = cls.model_validate({**fields, "digest": ""})
        body = draft.to_json()
        return cls.model_validate_json(canonical_bytes({**body, "digest": body_digest(body)}))

    @classmethod
    def read(cls, raw: bytes) -> Self:
        """Verify bytes from a file or a peer. Raises MalformedBytes or DigestMismatch."""
        body = parse_strict(raw)
        if not isinstance(body, dict):
            raise MalformedBytes(f"expected a JSON object, got {type(body).__name__}")
        if readable_bytes(body) != raw:
            raise MalformedBytes(f"expected {cls.__name__} in its stored form, got other white space or key order")
        return cls.from_json(body)

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Self:
        document = word_from_json(cls, body)
        expected = body_digest(body)
        if document.digest != expected:
            raise DigestMismatch(f"{cls.__name__}: expected digest {expected}, got {document.digest!r}")
        return document

    def to_bytes(self) -> bytes:
        return readable_bytes(self.to_json())


def body_digest(body: dict[str, Any]) -> str:
    """sha256 over the canonical bytes of a document without its own digest field."""
    return sha256_hex(canonical_bytes({name: value for name, value in body.items() if name != "digest"}))


W = TypeVar("W", bound=Word)


def word_from_json(cls: type[W], body: Any) -> W:
    """A strict model from already parsed JSON. Raises MalformedBytes that names field, expected and got."""
    raw = canonical_bytes(body)
    parse_strict(raw)  # 3e16 is spelled as an integer past 2^53: a model would take it, and nobody could read it again
    return word_from_canonical(cls, raw)


def word_from_canonical(cls: type[W], raw: bytes) -> W:
    """A strict model from bytes whose canonical form was checked. Raises MalformedBytes as above."""
    try:
        return cls.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "document"
        got = repr(first.get("input"))[:80]
        raise MalformedBytes(f"{cls.__name__}.{where}: {first['msg']}, got {got}") from error


def check_digests(word: Word) -> None:
    """A document inside a request must have its own digest. Raises DigestMismatch."""
    parts = [word, *(getattr(word, name) for name in type(word).model_fields)]
    for part in parts:
        if isinstance(part, Document):
            type(part).from_json(part.to_json())
