"""Every digest of the old documents under a path, recomputed; nothing that they hold can make it raise."""

from collections.abc import Iterator
from pathlib import Path

from console.evidence.checks.psionic.kinds import shape_of
from console.evidence.checks.psionic.links_run import BUNDLES, RUN_LINKS
from console.evidence.checks.psionic.not_proven import not_proven
from console.evidence.checks.psionic.publication import PUBLICATION
from console.evidence.checks.psionic.reading import Reading, read_tree
from console.evidence.checks.psionic.recipes_lane import LANE
from console.evidence.checks.psionic.recipes_run import RUN
from console.evidence.checks.psionic.rule import Rule
from console.evidence.checks.psionic.scene import Document, InputMissingError, Scene, Spot, same, spots
from console.evidence.checks.psionic.tables import BAR_LISTS, LANE_LINKS, STRUCT, UNRETAINED
from console.evidence.checks.psionic.verdict import DigestResult, DocumentFound, PsionicVerdict, Result
from console.evidence.checks.stored import UnreadableError
from console.evidence.checks.verdict import Finding, shown

RULES: tuple[Rule, ...] = (
    *(*STRUCT, *BAR_LISTS, *LANE, *LANE_LINKS),
    *(*RUN, *RUN_LINKS, *BUNDLES, *PUBLICATION, *UNRETAINED),
)

# What a recipe raises when a hostile document lacks a part, or has it in another type.
MISSHAPEN = (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError, RecursionError)


def check_psionic(path: Path) -> PsionicVerdict:
    """A document, a run folder, a publication folder or a whole `fixtures/swarm` tree.

    The lane's other documents are read as well when they lie around `path`, because links lead to them; results
    and findings are about `path` alone. Absolute paths inside the documents are never opened.
    """
    return check_reading(read_tree(path))


def check_reading(reading: Reading) -> PsionicVerdict:
    """The same for documents that were already read."""
    documents = [reading.scene.documents[path] for path in reading.asked]
    rows = tuple(row for document in documents for row in check_document(reading.scene, document))
    found = tuple(DocumentFound(doc.path, doc.kind, shape_of(doc.kind, doc.body)) for doc in documents)
    wrong = [
        Finding(f"psionic_{row.family}", f"{row.document}: {row.where}", row.expected, row.got)
        for row in rows
        if row.result == "mismatch"
    ]
    findings = (*reading.findings, *(_missing_reports(documents, rows)), *wrong)
    return PsionicVerdict(found, rows, tuple(not_proven(reading.scene, documents)), findings)


def check_document(scene: Scene, document: Document, rules: tuple[Rule, ...] = RULES) -> Iterator[DigestResult]:
    """A row for each place that a rule of this kind of document speaks of."""
    for rule in rules:
        if rule.kind == document.kind:
            places = spots(scene, document, rule.path)
            if len(places) > rule.most:
                yield _row(rule, places[0], "mismatch", f"at most {rule.most} places", len(places))
                continue
            for spot in places:
                if not (rule.optional and isinstance(spot.owner, dict) and spot.key not in spot.owner):
                    yield _judge(rule, spot)


def _judge(rule: Rule, spot: Spot) -> DigestResult:
    expected: object = ""
    got: object = ""
    try:
        got = rule.stored(spot) if rule.stored else spot.value
        expected = rule.compute(spot)
    except InputMissingError as error:
        return _row(rule, spot, "not_recomputable", "", got, str(error))
    except UnreadableError as error:
        return _row(rule, spot, "mismatch", error.expected, error.got)
    except MISSHAPEN as error:
        return _row(rule, spot, "mismatch", "what the rule needs", f"{type(error).__name__}: {error}")
    if same(expected, got):
        return _row(rule, spot, "link_ok" if rule.family == "link" else "verified", expected, got)
    if rule.stale:
        return _row(rule, spot, "stale_link", expected, got, rule.stale)
    return _row(rule, spot, "mismatch", expected, got)


def _row(rule: Rule, spot: Spot, result: Result, expected: object, got: object, reason: str = "") -> DigestResult:
    document, where = spot.document, shown(spot.where) if spot.where else rule.label
    return DigestResult(
        *(document.path, document.kind, rule.label, where, rule.family, result),
        *(shown(expected), shown(got), reason),
    )


def _missing_reports(documents: list[Document], rows: tuple[DigestResult, ...]) -> Iterator[Finding]:
    """A bundle whose own files are gone: not a wrong digest, but not a bundle that was checked either."""
    bundles = {document.path for document in documents if document.kind == "real_run_bundle"}
    for row in rows:
        if row.document in bundles and row.family == "file" and row.result == "not_recomputable":
            yield Finding("missing_file", f"{row.document}: {row.where}", "the file that it names", row.reason)
