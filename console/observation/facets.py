"""What the operator types after `/`: facets and text, as a question that is put to every receipt."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from console.observation.receipts import Row, Store
from console.observation.telling import Tone

_VERDICTS = {
    "bad": frozenset({Tone.BAD}),
    "warn": frozenset({Tone.WARN}),
    "problem": frozenset({Tone.WARN, Tone.BAD}),
    "good": frozenset({Tone.GOOD}),
    "ok": frozenset({Tone.BEAT, Tone.PLAIN, Tone.FACT, Tone.GOOD}),
    "unverified": frozenset(),  # a finding about a journal: it has no place in one
}
FACETS = {
    "host": "part of a host's name, or coord for the coordinator",
    "kind": "part of a record's kind, such as heartbeat or window",
    "verdict": " ".join(_VERDICTS),
}
HINT = "host:mac kind:heartbeat verdict:bad words · ! inverts"
LONGEST = 200
_PART_OF_A_DIGEST = re.compile(r"^[0-9a-f]{4,64}$")


@dataclass(frozen=True, slots=True)
class Term:
    """`facet` is empty for plain text. Text is compared in lower case."""

    facet: str
    value: str
    inverted: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """Terms of one facet are alternatives, different facets must all hold, every word and every `!` must hold."""

    text: str = ""
    terms: tuple[Term, ...] = ()
    problem: str = ""

    def __bool__(self) -> bool:
        return bool(self.terms)

    def of(self, rows: Sequence[Row], indices: Sequence[int] | range) -> list[int]:
        """The indices whose rows are asked for, in order: one narrow pass for each group of terms."""
        for group in self.groups():
            wanted = _predicate(group)
            indices = [index for index in indices if wanted(rows[index])]
        return list(indices)

    def groups(self) -> list[tuple[Term, ...]]:
        """Terms of which one must hold, those that cost least first."""
        facets: dict[str, list[Term]] = {}
        singles: list[tuple[Term, ...]] = []
        for term in self.terms:
            if term.facet and not term.inverted:
                facets.setdefault(term.facet, []).append(term)
            else:
                singles.append((term,))
        # Facets cost less than text and leave less to read.
        singles.sort(key=lambda group: not group[0].facet)
        return [*(tuple(group) for group in facets.values()), *singles]


class Sieve:
    """A filter over rows that lie in a store: facets are asked once for each shape, text only of rows that are left."""

    def __init__(self, wanted: Filter) -> None:
        groups = wanted.groups()
        self._facets = [_predicate(group) for group in groups if group[0].facet]
        self._texts = [_predicate(group) for group in groups if not group[0].facet]
        self._shapes: dict[int, bool] = {}

    def lets(self, store: Store, index: int) -> bool:
        shape = store.shape(index)
        known = self._shapes.get(shape)
        if known is None:
            row = store.glance(index)
            known = self._shapes[shape] = all(wanted(row) for wanted in self._facets)
        return known and (not self._texts or all(wanted(store.row(index)) for wanted in self._texts))


def parse_filter(text: str) -> Filter:
    """Never raises: what can't be meant is left out and named in `problem`."""
    terms, problems = [], []
    for word in text[:LONGEST].split():
        inverted, rest = word.startswith("!"), word.removeprefix("!")
        facet, colon, value = rest.partition(":")
        if not rest or (colon and facet in FACETS and not value):
            continue  # still being typed
        if not colon or facet not in FACETS:
            terms.append(Term("", rest.lower(), inverted))
        elif facet == "verdict" and not any(name.startswith(value.lower()) for name in _VERDICTS):
            problems.append(f"verdict: expected {', '.join(_VERDICTS)}, got {value[:20]}")
        else:
            terms.append(Term(facet, value.lower(), inverted))
    return Filter(text[:LONGEST], tuple(terms), "; ".join(problems))


def _predicate(group: tuple[Term, ...]) -> Callable[[Row], bool]:
    facet, inverted = group[0].facet, group[0].inverted
    if not facet:
        needle = group[0].value
        if _PART_OF_A_DIGEST.match(needle):
            return lambda row: (needle in row.text.lower() or needle in row.sha256) is not inverted
        return lambda row: (needle in row.text.lower() or needle in row.kind) is not inverted
    values = tuple(term.value for term in group)
    if facet == "verdict":
        return _verdict(values, inverted=inverted)
    of = _host if facet == "host" else _kind
    known: dict[str, bool] = {}

    def wanted(row: Row) -> bool:
        name = of(row)
        found = known.get(name)
        if found is None:
            spoken = name.replace("_", " ")
            found = known[name] = any(value in name or value in spoken for value in values)
        return found is not inverted

    return wanted


def _host(row: Row) -> str:
    return "coordinator" if row.role == "coordinator" else row.node_id


def _kind(row: Row) -> str:
    return row.kind


def _verdict(values: tuple[str, ...], *, inverted: bool) -> Callable[[Row], bool]:
    names = {name for value in values for name in _VERDICTS if name.startswith(value)}
    tones = frozenset[Tone]().union(*(_VERDICTS[name] for name in names))
    unverified = "unverified" in names
    return lambda row: (row.tone in tones or (unverified and row.ref is None)) is not inverted
