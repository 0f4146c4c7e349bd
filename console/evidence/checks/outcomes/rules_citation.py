"""Rules of every outcome document: it is there, it is whole, and the bundle it cites is there, true, and this one."""

from collections.abc import Iterator

from console.evidence.checks.layout import BUNDLE_FILE
from console.evidence.checks.outcomes.outcome import Outcome, digest_holds
from console.evidence.checks.verdict import Mismatch, differs


def document_is_there(o: Outcome) -> Iterator[Mismatch]:
    """A missing file is its own finding: nothing false was said."""
    if o.missing:
        yield Mismatch(o.where, "a file", f"nothing in {o.path.parent.name}/")


def document_is_readable(o: Outcome) -> Iterator[Mismatch]:
    """The one stored spelling of a closed set of fields."""
    if o.unreadable:
        yield o.unreadable


def document_has_its_digest(o: Outcome) -> Iterator[Mismatch]:
    """Others cite it by this digest."""
    yield from digest_holds(o.where, o.body)


def cited_bundle_is_there(o: Outcome) -> Iterator[Mismatch]:
    """Without the bundle every figure is an assertion."""
    if o.bundle_dir is None:
        run_id = o.body["run"]["run_id"]
        yield Mismatch(f"{o.where} run", f"a bundle of run {run_id}", "none beside it or among the retained runs")


def cited_bundle_is_this_one(o: Outcome) -> Iterator[Mismatch]:
    """A stale link: the document speaks of other bytes than those that lie there."""
    cited, file = o.body["run"], o.e.file_of(BUNDLE_FILE)
    yield from differs(f"{o.where} run.run_id", o.e.bundle.get("run_id"), cited["run_id"])
    yield from differs(f"{o.where} run.bundle_digest", o.e.bundle.get("digest"), cited["bundle_digest"])
    yield from differs(f"{o.where} run.bundle_sha256", file.sha256 if file else "no file", cited["bundle_sha256"])


def cited_bundle_verifies(o: Outcome) -> Iterator[Mismatch]:
    """What is concluded from a bundle that contradicts itself is worth nothing."""
    if o.verdict and not o.verdict.consistent:
        found = o.verdict.findings
        yield Mismatch(f"{o.where} run", "a bundle that verifies", f"{len(found)} findings, first: {found[0]}")


def lane_is_the_runs(o: Outcome) -> Iterator[Mismatch]:
    """Lane, family and contract are those of the cited run."""
    contract = o.e.contract or {}
    for name in ("lane_id", "run_family_id"):
        yield from differs(f"{o.where} {name}", contract.get(name), o.body[name])
    yield from differs(f"{o.where} contract_digest", contract.get("digest"), o.body["contract_digest"])


def boundary_ends_with_the_lanes(o: Outcome) -> Iterator[Mismatch]:
    """A document may not claim more than the lane that it is about: the lane's own boundary ends it, whole."""
    lanes = (o.e.contract or {}).get("claim_boundary", "")
    said = o.body["claim_boundary"]
    if not said.endswith(lanes) or not said.removesuffix(lanes).strip():
        yield Mismatch(f"{o.where} claim_boundary", "its own limits, then those of the lane", said[-80:])


FIRST = (
    document_is_there,
    document_is_readable,
    document_has_its_digest,
    cited_bundle_is_there,
    cited_bundle_is_this_one,
    cited_bundle_verifies,
)
THEN = (lane_is_the_runs, boundary_ends_with_the_lanes)
