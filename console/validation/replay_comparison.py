"""Is the contribution what comes out when the validator does the same work?"""

import math
import sys
from dataclasses import dataclass
from typing import Literal

import numpy as np

from console.validation.adapter import Adapter, relative_difference
from runners.contract.lane import Governance


@dataclass(frozen=True)
class Comparison:
    """Measured differences between a contribution and its replay, and the word for them."""

    outcome: Literal["exact", "within_tolerance", "mismatch"]
    relative_difference: float
    max_loss_difference: float  # nats, largest over the steps; the largest float when the step counts differ


def compare(
    contribution: Adapter,
    contributed_losses: tuple[float, ...],
    replayed: Adapter,
    replayed_losses: tuple[float, ...],
    governance: Governance,
    *,
    same_backend: bool,
) -> Comparison:
    """Bit-equality is demanded only of one and the same backend and device; else the lane's frozen bounds hold."""
    same_bits = np.array_equal(contribution.a, replayed.a) and np.array_equal(contribution.b, replayed.b)
    loss = _finite(loss_difference(contributed_losses, replayed_losses))
    relative = _finite(relative_difference(contribution, replayed))
    if same_bits and loss == 0.0:
        return Comparison("exact", relative, loss)
    within = relative <= governance.replay_relative_bound and loss <= governance.replay_loss_bound
    if within and not (same_backend and governance.same_backend_exact):
        return Comparison("within_tolerance", relative, loss)
    return Comparison("mismatch", relative, loss)


def _finite(value: float) -> float:
    """A receipt holds finite numbers only; the largest one is past every bound."""
    return value if math.isfinite(value) else sys.float_info.max


def loss_difference(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    if len(one) != len(other) or not one:
        return float("inf")
    return float(np.max(np.abs(np.subtract(one, other))))
