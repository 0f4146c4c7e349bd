"""Rules about what a bundle claims to be worth: bounds that bind, and sentences that nobody widened."""

from collections.abc import Iterator

from console.evidence.checks.evidence import Evidence
from console.evidence.checks.layout import BUNDLE_FILE
from console.evidence.checks.verdict import Mismatch, differs

# A replay confirms nothing within bounds of any width. Backends that round differently were measured at 1e-6 of the
# norm and less, and lanes have 1e-4 of a segment's change for it (decision 0046): ten times that is the most.
LOOSEST = {"relative_bound": 1e-3, "delta_floor": 4e-5, "moment_floor": 2e-3, "loss_bound": 1e-3}
OF_A_BUNDLE = (
    "This bundle holds what one run recorded and produced. Its checker recomputes every digest, chain, signature, the "
    "comparison with the replayed adapters and the merge from these files alone. It proves nothing about hosts beyond "
    "what their own keys signed; without an outside witness the coordinator's owner could have made all of it. "
)
CLAIMS = {
    "operator_manifest.json": "What the operator asked for and where the hosts were found; it claims no outcome.",
    "coordinator_runtime_report.json": "What this coordinator decided, and the journals that its decisions rest on.",
    "contributor_runtime_report.json": (
        "What the contributors' own journals say: signed by them, and true as far as they are."
    ),
}
NOT_PROMOTED = "nothing was promoted"


def bounds_confirm_something(e: Evidence) -> Iterator[Mismatch]:
    """The bounds of a replay are the bundle's own; far past what was measured they let any work by."""
    for pair in e.contract["governance"]["tolerances"] if e.contract else []:
        where = f"contract/run_contract.json tolerance of {pair['contributor']} by {pair['replay']}"
        for name, most in LOOSEST.items():
            if not 0 <= pair[name] <= most:
                yield Mismatch(f"{where} {name}", f"from 0 to {most:g}", f"{pair[name]:g}")


def a_merge_must_improve(e: Evidence) -> Iterator[Mismatch]:
    """A gate that a worse model passes is none."""
    least = e.contract["governance"]["minimum_improvement"] if e.contract else 0
    if least < 0:
        yield Mismatch("contract/run_contract.json minimum_improvement", "zero or more", f"{least:g}")


def claims_are_not_widened(e: Evidence) -> Iterator[Mismatch]:
    """What a bundle and its reports claim to prove is the project's own sentence and the contract's."""
    for path, claim in CLAIMS.items():
        if path in e.documents:
            yield from differs(f"{path} claim_boundary", claim, e.documents[path]["claim_boundary"])
    if e.contract:
        claim = OF_A_BUNDLE + e.contract["claim_boundary"]
        yield from differs(f"{BUNDLE_FILE} claim_boundary", claim, e.bundle["claim_boundary"])
    promotion = e.documents.get("receipts/promotion.json")
    reason = promotion["publish_reason"] if promotion else NOT_PROMOTED
    yield from differs(f"{BUNDLE_FILE} publish_reason", reason, e.bundle["publish_reason"])


RULES = (bounds_confirm_something, a_merge_must_improve, claims_are_not_widened)
