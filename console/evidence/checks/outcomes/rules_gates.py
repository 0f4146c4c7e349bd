"""Rules about what let a snapshot out: the run's promotion, its gates, and publication's own."""

from collections.abc import Iterator

from console.evidence.checks.outcomes.outcome import Outcome
from console.evidence.checks.verdict import Mismatch, differs

LATER_GATES = (
    "promoted",
    "base_is_the_planned_one",
    "tokenizer_is_the_planned_one",
    "adapter_loads_and_generates_through_peft",
)
LARGEST_LOGIT_BOUND = 1e-3  # a publisher may not choose a bound that lets anything through


def run_was_promoted(o: Outcome) -> Iterator[Mismatch]:
    """Only a promoted merge is published."""
    promotion = o.e.documents.get("receipts/promotion.json")
    yield from differs(f"{o.where} run", "promoted", promotion["disposition"] if promotion else "not_reached")


def gates_are_met(o: Outcome) -> Iterator[Mismatch]:
    """The run's own gates as its promotion receipt has them, then publication's; every one passed, none left out."""
    promotion = o.e.documents.get("receipts/promotion.json")
    own = promotion["gates"] if promotion else []
    said = o.body["gates"]
    names = [*(gate["gate"] for gate in own), *LATER_GATES]
    yield from differs(f"{o.where} gates", names, [gate["gate"] for gate in said])
    for want, got in zip(own, said, strict=False):
        yield from differs(f"{o.where} {want['gate']}", want, got)
    for gate in said:
        if not gate["passed"]:
            yield Mismatch(f"{o.where} {gate['gate']}", "passed", "not passed")
    head, smoke = o.e.plan["head"] if o.e.plan else {}, o.body["peft_smoke"]
    later = {
        "promoted": ("promoted", "promoted"),
        "base_is_the_planned_one": (head.get("sha256"), head.get("sha256")),
        "tokenizer_is_the_planned_one": (head.get("tokenizer_digest"), head.get("tokenizer_digest")),
        LATER_GATES[-1]: (
            f"{smoke['max_logit_difference']:.3g} off base plus delta, {len(smoke['generated_tokens'])} tokens",
            f"at most {smoke['logit_bound']:g}, {smoke['asked_tokens']} tokens, a delta above 0",
        ),
    }
    for gate in said[len(own) :]:
        if gate["gate"] in later:
            got = (gate["value"], gate["threshold"])
            yield from differs(f"{o.where} {gate['gate']} value and threshold", later[gate["gate"]], got)


def peft_gate_follows_from_its_figures(o: Outcome) -> Iterator[Mismatch]:
    """Measured on the publisher's machine: it can't be computed again here, but it must not contradict itself."""
    smoke, where = o.body["peft_smoke"], f"{o.where} peft_smoke"
    if not 0 <= smoke["max_logit_difference"] <= smoke["logit_bound"] <= LARGEST_LOGIT_BOUND:
        got = f"{smoke['max_logit_difference']:g} of {smoke['logit_bound']:g}"
        yield Mismatch(where, f"a difference within a bound of at most {LARGEST_LOGIT_BOUND:g}", got)
    if not smoke["largest_delta"] > smoke["logit_bound"] or not smoke["positions"]:
        yield Mismatch(f"{where} largest_delta", "a delta that the comparison can see", f"{smoke['largest_delta']:g}")
    yield from differs(f"{where} generated_tokens", smoke["asked_tokens"] or 1, len(smoke["generated_tokens"]))
