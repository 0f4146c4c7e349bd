"""Promotion goes both ways, gate by gate."""

import pytest

from console.aggregation.promotion import gates
from runners.contract.receipts import HeldOutScore
from runners.contract.states import Disposition, ReplayOutcome
from tests.coordination.window import replay
from tests.validation.policies import GOVERNANCE

D = Disposition


def failing(
    *,
    losses: tuple[float, float, float, float] = (5.0, 4.8, 4.7, 4.75),
    second: Disposition = D.ACCEPTED,
    replayed: ReplayOutcome | None = ReplayOutcome.WITHIN_TOLERANCE,
) -> list[str]:
    """Gates that don't pass, for base, two contributors and merge."""
    scores = tuple(
        HeldOutScore(subject=subject, mean_loss=loss, tokens=1)
        for subject, loss in zip(("base", "n0", "n1", "merge"), losses, strict=True)
    )
    replays = {"n0": replay("n0")} | ({"n1": replay("n1", replayed)} if replayed else {})
    values = gates({"n0": D.ACCEPTED, "n1": second}, replays, scores, GOVERNANCE)
    assert len(values) == 4
    return [gate.gate for gate in values if not gate.passed]


def test_a_good_merge_passes_every_gate() -> None:
    assert failing() == []


@pytest.mark.parametrize("second", [each for each in D if each is not D.ACCEPTED])
def test_a_contribution_that_is_not_accepted_holds_the_merge(second: Disposition) -> None:
    assert failing(second=second) == ["all_roles_accepted"]


@pytest.mark.parametrize("replayed", [None, ReplayOutcome.MISMATCH, ReplayOutcome.FAILED])
def test_a_contribution_that_was_not_confirmed_holds_the_merge(replayed: ReplayOutcome | None) -> None:
    assert failing(replayed=replayed) == ["all_contributions_replayed"]


@pytest.mark.parametrize(("merge", "held"), [(4.949, []), (4.951, ["held_out_improvement"])])
def test_the_improvement_over_the_base_is_judged_at_its_bound(merge: float, held: list[str]) -> None:
    assert failing(losses=(5.0, 4.96, 4.9, merge)) == held


@pytest.mark.parametrize(("merge", "held"), [(4.8, []), (4.8001, ["not_worse_than_worst_contributor"])])
def test_a_merge_worse_than_the_worse_contributor_is_held(merge: float, held: list[str]) -> None:
    assert failing(losses=(5.0, 4.8, 4.7, merge)) == held
