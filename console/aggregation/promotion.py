"""May the merged candidate become the local snapshot? Gates from evidence, either way."""

from runners.contract.coordinator_records import ReplayJudged
from runners.contract.lane import Governance
from runners.contract.receipts import GateValue, HeldOutScore
from runners.contract.states import Disposition, ReplayOutcome

CONFIRMED = (ReplayOutcome.EXACT, ReplayOutcome.WITHIN_TOLERANCE)
PUBLISH_REASON = "publication is never automatic: it is a separate act of the operator on a promoted run"


def gates(
    dispositions: dict[str, Disposition],
    replays: dict[str, ReplayJudged],
    scores: tuple[HeldOutScore, ...],
    governance: Governance,
) -> tuple[GateValue, ...]:
    """Every gate with value and threshold, in a fixed order; all must pass."""
    loss = {score.subject: score.mean_loss for score in scores}
    required = len(dispositions)
    accepted = sum(disposition is Disposition.ACCEPTED for disposition in dispositions.values())
    confirmed = sum(replay.outcome in CONFIRMED for replay in replays.values())
    worst = max(loss[node_id] for node_id in dispositions)
    improvement = loss["base"] - loss["merge"]
    return (
        _gate("all_roles_accepted", accepted == required, f"{accepted} of {required}", f"{required} of {required}"),
        _gate(
            "all_contributions_replayed", confirmed == required, f"{confirmed} of {required}", f"{required} replayed"
        ),
        _gate(
            "held_out_improvement",
            improvement >= governance.minimum_improvement,
            f"{improvement:.6f} nats per token below the base",
            f"at least {governance.minimum_improvement:g}",
        ),
        _gate(
            "not_worse_than_worst_contributor",
            loss["merge"] <= worst,
            f"merge {loss['merge']:.6f}",
            f"at most {worst:.6f}",
        ),
    )


def _gate(gate: str, passed: bool, value: str, threshold: str) -> GateValue:
    return GateValue(gate=gate, passed=passed, value=value, threshold=threshold)
