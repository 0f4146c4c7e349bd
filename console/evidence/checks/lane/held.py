"""A lane's documents as they lie below a root. What can't be read is kept for the rule that speaks of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console.evidence.checks.lane.lane_shapes import LANE_SHAPES
from console.evidence.checks.lane.names import SCHEMAS, place
from console.evidence.checks.lane.plain_file import read_plain
from console.evidence.checks.shapes import misfit
from console.evidence.checks.stored import UnreadableError, digest_of, parse_stored
from console.evidence.checks.verdict import Mismatch, shown

Body = dict[str, Any]


@dataclass
class Held:
    """`documents` has those that have their form; rules may rely on their fields."""

    root: Path
    lane: str
    paths: dict[str, str]  # kind -> where it must lie
    documents: dict[str, Body] = field(default_factory=dict)
    missing: list[Mismatch] = field(default_factory=list)
    unreadable: list[Mismatch] = field(default_factory=list)

    def take(self, kind: str, path: str, schemas: Sequence[str]) -> bytes | None:
        """Read one document; its bytes when it has its form."""
        raw = read_plain(self.root, path)
        if raw == "":
            self.missing.append(Mismatch(path, f"a file with a {schemas[0]}", "no such file"))
            return None
        if isinstance(raw, str):
            self.unreadable.append(Mismatch(path, "a readable regular file", shown(raw)))
            return None
        try:
            body = parse_stored(raw)
        except UnreadableError as error:
            self.unreadable.append(Mismatch(path, error.expected, error.got))
            return None
        version = body.get("schema_version")
        wrong = (
            misfit(LANE_SHAPES[version], body, path)
            if isinstance(version, str) and version in schemas
            else Mismatch(f"{path} schema_version", " or ".join(schemas), shown(version))
        )
        if wrong:
            self.unreadable.append(wrong)
            return None
        self.documents[kind] = body
        return raw

    def has(self, *kinds: str) -> bool:
        return all(kind in self.documents for kind in kinds)

    @property
    def contributors(self) -> list[Body]:
        return [node for node in self.documents["contract"]["nodes"] if "contributor" in node["roles"]]

    @property
    def coordinator(self) -> Body:
        """Raises StopIteration for a contract without one; the rule about roles says so."""
        return next(node for node in self.documents["contract"]["nodes"] if "coordinator" in node["roles"])


def hold(root: Path, lane: str, kinds: Sequence[str]) -> Held:
    """The frozen documents of a lane below a folder of fixtures."""
    held = Held(root, lane, {kind: place(lane, kind) for kind in kinds})
    for kind, path in held.paths.items():
        held.take(kind, path, (SCHEMAS[kind],))
    return held


def documents_are_there(held: Held) -> Iterator[Mismatch]:
    """A missing file is a finding of its own: nothing is concluded about what it would have said."""
    yield from held.missing


def documents_have_their_form(held: Held) -> Iterator[Mismatch]:
    """Stored form, closed fields, known words."""
    yield from held.unreadable


def digests_recompute(held: Held) -> Iterator[Mismatch]:
    """A document's digest is that of its own content."""
    for kind, body in held.documents.items():
        if body["digest"] != digest_of(body):
            yield Mismatch(f"{kind} digest", digest_of(body), body["digest"])


FORM_RULES = (documents_are_there, documents_have_their_form, digests_recompute)
