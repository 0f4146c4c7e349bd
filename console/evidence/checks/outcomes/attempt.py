"""Is this evidence bundle of a live attempt true? A completed attempt and a refused one are judged alike."""

from collections.abc import Iterator
from pathlib import Path

from console.evidence.checks.outcomes import rules_citation, standing
from console.evidence.checks.outcomes.document_shapes import ATTEMPT
from console.evidence.checks.outcomes.outcome import Outcome, Rule, judge
from console.evidence.checks.verdict import Mismatch, Verdict, differs


def check_attempt(path: Path, *, bundle: Path | None = None, allowed_signers: Path | None = None) -> Verdict:
    outcome = Outcome(path, ATTEMPT, bundle, allowed_signers)
    return judge(outcome, rules_citation.FIRST, (*rules_citation.THEN, *RULES))


def attempt_ended_as_the_run(o: Outcome) -> Iterator[Mismatch]:
    """Disposition and reason come from the run's own classification."""
    expected = standing.disposition(o.e.bundle["result_classification"])
    yield from differs(f"{o.where} live_attempt_disposition", expected, o.body["live_attempt_disposition"])
    yield from differs(f"{o.where} live_attempt_reason", o.e.bundle["reason"], o.body["live_attempt_reason"])


def plan_and_membership_are_the_runs(o: Outcome) -> Iterator[Mismatch]:
    """None where nothing was planned."""
    for name in ("plan_digest", "membership_digest"):
        yield from differs(f"{o.where} {name}", o.e.bundle[name], o.body[name])


def postures_are_in_the_journal(o: Outcome) -> Iterator[Mismatch]:
    """No contributor did more, or less, than was recorded."""
    nodes = sorted(o.e.contributors)
    yield from differs(f"{o.where} contributors", nodes, [item["node_id"] for item in o.body["contributors"]])
    for said in o.body["contributors"]:
        if said["node_id"] in nodes:
            for name, expected in standing.posture(o.e, said["node_id"]).items():
                yield from differs(f"{o.where} {said['node_id']} {name}", expected, said[name])


def stages_are_in_the_journal(o: Outcome) -> Iterator[Mismatch]:
    """A stage that was not reached is skipped, and has no time."""
    expected, said = standing.stages(o.e), o.body["stages"]
    yield from differs(
        f"{o.where} stages", [item["stage_id"] for item in expected], [item["stage_id"] for item in said]
    )
    for want, got in zip(expected, said, strict=False):
        for name, value in want.items():
            yield from differs(f"{o.where} {want['stage_id']} {name}", value, got[name])


def promotion_is_the_runs(o: Outcome) -> Iterator[Mismatch]:
    """With the gates that it lacked."""
    yield from differs(f"{o.where} promotion_outcome", standing.promotion(o.e), o.body["promotion_outcome"])


RULES: tuple[Rule, ...] = (
    attempt_ended_as_the_run,
    plan_and_membership_are_the_runs,
    postures_are_in_the_journal,
    stages_are_in_the_journal,
    promotion_is_the_runs,
)
