"""One lie each, carried into every later digest, chain and signature: the named rule refuses the bundle, and no other.

`told` is a lie that a run was made with; `after` is done to the finished bundle, which is then listed and signed
again by the same operator unless `resealed` is false.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.checks.forged_journal import Said
from tests.checks.lies import Lies

Body = dict[str, Any]
Told = Callable[[], Lies]


@dataclass(frozen=True)
class Defect:
    name: str
    rule: str  # the one that refuses it
    told: Told | None = None
    after: Callable[[Path], None] | None = None
    resealed: bool = True
    also: tuple[str, ...] = ()  # rules that such a lie can't escape either; it is then no entry of the corpus

    @property
    def rules(self) -> tuple[str, ...]:
        return (self.rule, *self.also)


def document(path: str, edit: Callable[[Body], None]) -> Told:
    """A document that says otherwise, sealed as if it were true."""
    return lambda: Lies(documents={path: edit})


def coordinator(edit: Callable[[list[Said]], list[Said]]) -> Told:
    return lambda: Lies(coordinator=edit)


def own(node: str, edit: Callable[[list[Said]], list[Said]]) -> Told:
    return lambda: Lies(own={node: edit})


def sets(**fields: Any) -> Callable[[Body], None]:
    return lambda body: body.update(fields)


def said(kind: str, edit: Callable[[Body], None], node: str | None = None) -> Callable[[list[Said]], list[Said]]:
    """The first record of a kind (about a node) with another body."""

    def apply(records: list[Said]) -> list[Said]:
        edit(first(records, kind, node).body)
        return records

    return apply


def without(kind: str, node: str | None = None) -> Callable[[list[Said]], list[Said]]:
    return lambda records: [r for r in records if not _is(r, kind, node)]


def moved(kind: str, before: str) -> Callable[[list[Said]], list[Said]]:
    """The first record of a kind said earlier: right before the first record of another kind."""

    def apply(records: list[Said]) -> list[Said]:
        record = first(records, kind, None)
        rest = [other for other in records if other is not record]
        place = rest.index(first(rest, before, None))
        return [*rest[:place], Said(kind, record.body, rest[place].mono_ms), *rest[place:]]

    return apply


def said_again(kind: str) -> Callable[[list[Said]], list[Said]]:
    def apply(records: list[Said]) -> list[Said]:
        record = first(records, kind, None)
        place = records.index(record) + 1
        return [*records[:place], Said(kind, dict(record.body), record.mono_ms), *records[place:]]

    return apply


def first(records: list[Said], kind: str, node: str | None) -> Said:
    return next(record for record in records if _is(record, kind, node))


def changed_to(records: list[Said], after: str) -> Said:
    return next(r for r in records if r.kind == "window_changed" and r.body["after"] == after)


def _is(record: Said, kind: str, node: str | None) -> bool:
    return record.kind == kind and (node is None or record.body.get("node_id") == node)
