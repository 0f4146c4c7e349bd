"""Is a contribution what comes out when the validator does the same work? Segment by segment, then over all."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from console.validation.adapter import Adapter, delta_norm, scaled
from console.validation.training_state import State
from runners.contract.canonical import MAX_INTEGER
from runners.contract.lane import PairTolerance
from runners.contract.receipts import Distance

Outcome = Literal["exact", "within_tolerance", "mismatch"]


@dataclass(frozen=True)
class Segment:
    """One stretch of a training, twice: `end` is the contributor's, `replayed` the validator's."""

    start: State
    end: State
    replayed: State
    losses: tuple[float, ...]  # the contributor's, of the segment's steps
    replayed_losses: tuple[float, ...]


@dataclass(frozen=True)
class Comparison:
    """Measured differences, and the word for them."""

    outcome: Outcome
    distances: tuple[Distance, ...]
    max_loss_difference: float  # nats, largest over the steps; the largest float when the step counts differ

    @property
    def relative_difference(self) -> float:
        """The largest difference over change."""
        return max(relative(distance) for distance in self.distances)


def compare(segment: Segment, tolerance: PairTolerance, *, same_settings: bool, exact_owed: bool) -> Comparison:
    """Equal execution settings on both sides, the planned ones, owe equal bits where the lane says so; else its bounds
    hold.

    Equal bits under other settings are within tolerance and no more: there, exactness is nothing to claim.
    """
    distances = tuple(_distances(segment))
    loss = _finite(loss_difference(segment.losses, segment.replayed_losses))
    if same_settings and loss == 0.0 and _same_bits(segment.end, segment.replayed):
        return Comparison("exact", distances, loss)
    if same_settings and exact_owed:
        return Comparison("mismatch", distances, loss)
    within = loss <= tolerance.loss_bound and all(
        item.difference <= tolerance.allowed(item.what, item.change, item.norm) for item in distances
    )
    return Comparison("within_tolerance" if within else "mismatch", distances, loss)


def worst(outcomes: tuple[Outcome, ...]) -> Outcome:
    order: tuple[Outcome, ...] = ("mismatch", "within_tolerance", "exact")
    return next(word for word in order if word in outcomes)


def relative(distance: Distance) -> float:
    if distance.difference == 0.0:
        return 0.0
    return _finite(distance.difference / distance.change) if distance.change else sys.float_info.max


def _distances(segment: Segment) -> Iterator[Distance]:
    end, replayed, start = segment.end, segment.replayed, segment.start
    yield Distance(
        what="delta",
        difference=_finite(delta_distance(end.adapter, replayed.adapter)),
        change=_finite(delta_distance(replayed.adapter, start.adapter)),
        norm=_finite(delta_norm(*scaled(replayed.adapter))),
    )
    for what, got in end.moments.items():
        again = replayed.moments[what].astype(np.float64)
        before = start.moments[what] if start.moments else np.float32(0)
        yield Distance.model_validate({
            "what": what,
            "difference": _norm(got - again),
            "change": _norm(again - before),
            "norm": _norm(again),
        })  # fmt: skip


def delta_distance(one: Adapter, other: Adapter) -> float:
    """‖s B A - s' B' A'‖, Frobenius, in float64; zero for equal bits, which rounding would blur."""
    if one.scale == other.scale and np.array_equal(one.a, other.a) and np.array_equal(one.b, other.b):
        return 0.0
    (a1, b1), (a2, b2) = scaled(one), scaled(other)
    return delta_norm(np.vstack([a1, a2]), np.hstack([b1, -b2]))


def _same_bits(one: State, other: State) -> bool:
    pairs = [(one.adapter.a, other.adapter.a), (one.adapter.b, other.adapter.b)]
    pairs += [(values, other.moments[what]) for what, values in one.moments.items()]
    return all(left.shape == right.shape and left.tobytes() == right.tobytes() for left, right in pairs)


def _norm(values: np.ndarray) -> float:
    return _finite(float(np.linalg.norm(values)))


def _finite(value: float) -> float:
    """A receipt holds finite numbers only, and one from 2^53 on has a spelling that nobody reads back; the largest of
    all has one, and is past every bound."""
    return value if abs(value) <= MAX_INTEGER else sys.float_info.max


def loss_difference(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    if len(one) != len(other) or not one:
        return float("inf")
    return float(np.max(np.abs(np.subtract(one, other))))
