"""How far a replay may be from a contribution: what the contract froze for a pair of backends."""

from typing import Any

Body = dict[str, Any]
MAX_SEGMENT_STEPS = 20  # no lane's tolerance was measured over more


def tolerance_of(governance: Body, contributor: str, replay: str) -> Body | None:
    """The contract's first entry for the pair; None for a pair that it doesn't know."""
    pairs: list[Body] = governance["tolerances"]
    return next((pair for pair in pairs if (pair["contributor"], pair["replay"]) == (contributor, replay)), None)


def allowed(tolerance: Body, distance: Body) -> float:
    """The bound on the segment's own change, or the floor of what rounding moves, whichever is larger."""
    floor = tolerance["delta_floor" if distance["what"] == "delta" else "moment_floor"]
    return float(max(tolerance["relative_bound"] * distance["change"], floor * distance["norm"]))


def share(tolerance: Body, distance: Body) -> float:
    """A distance as a share of what is allowed; past every number where nothing is allowed."""
    if distance["difference"] == 0.0:
        return 0.0
    bound = allowed(tolerance, distance)
    return float(distance["difference"] / bound) if bound else float("inf")
