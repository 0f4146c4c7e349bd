"""Frobenius norms of low-rank deltas in float64, without ever forming V x d."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from console.evidence.checks.tensors import Adapter, Floats

ROUNDING = 1e-9  # far more than float64 loses in two sums


@dataclass(frozen=True)
class Delta:
    """left @ right, with left [V, k] and right [k, d]."""

    left: Floats
    right: Floats

    @property
    def norm(self) -> float:
        """‖left right‖ by two thin QRs. A Gram matrix would lose half the digits of a small difference."""
        r_left = np.asarray(np.linalg.qr(self.left, mode="r"))
        r_right = np.asarray(np.linalg.qr(self.right.T, mode="r"))
        return float(np.linalg.norm(r_left @ r_right.T))

    def norm_past(self, bound: float) -> float | None:
        """Its norm, where that is past `bound`. It is at most ‖left‖ ‖right‖: mostly that settles it without a QR."""
        most = math.sqrt(np.square(self.left).sum() * np.square(self.right).sum())
        if most * (1 + ROUNDING) <= bound:
            return None
        norm = self.norm
        return norm if not norm <= bound else None

    def times(self, factor: float) -> "Delta":
        return Delta(factor * self.left, self.right)


def delta_of(adapter: Adapter, alpha: float) -> Delta:
    """s B A with s = alpha / r."""
    return Delta((alpha / adapter.rank) * adapter.b, adapter.a)


def total(parts: Sequence[Delta]) -> Delta:
    """The sum of deltas of one base: ranks add up."""
    return Delta(np.hstack([part.left for part in parts]), np.vstack([part.right for part in parts]))


def largest_difference(left: Sequence[float], right: Sequence[float]) -> float:
    """Largest absolute difference of two loss curves; infinity when their lengths differ."""
    if len(left) != len(right):
        return math.inf
    return max((abs(x - y) for x, y in zip(left, right, strict=True)), default=0.0)
