"""Accepted deltas become one: their exact weighted mean, by rank stacking.

Averaging A and B separately is wrong (the mean of products is not the product of means). Stacked,
`[w1 B1, w2 B2] @ [A1; A2] = w1 B1 A1 + w2 B2 A2`; the scale alpha / r stays, so alpha grows with the rank.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from console.validation.adapter import Adapter, delta_norm, scaled


@dataclass(frozen=True)
class WeightedAdapter:
    adapter: Adapter
    weight: Fraction


@dataclass(frozen=True)
class MergeOutcome:
    merged: Adapter
    delta_norm: float  # Frobenius norm of the merged delta
    residual: float  # ‖merged - mean‖ / ‖mean‖, both in float64


def sample_weights(samples: dict[str, int]) -> dict[str, Fraction]:
    """Weights in proportion to the distinct samples of each slice; they sum to one exactly."""
    total = sum(samples.values())
    return {node_id: Fraction(count, total) for node_id, count in samples.items()}


def merge(parts: tuple[WeightedAdapter, ...]) -> MergeOutcome:
    """The merged adapter has rank sum(r_i), and scale 1 where the parts' scales differ, else theirs."""
    scales = {part.adapter.scale for part in parts}
    scale = scales.pop() if len(scales) == 1 else 1.0
    a = np.vstack([part.adapter.a for part in parts])
    factors = [np.float32(float(part.weight) * part.adapter.scale / scale) for part in parts]
    b = np.hstack([factor * part.adapter.b for factor, part in zip(factors, parts, strict=True)])
    merged = Adapter(a, b, alpha=scale * a.shape[0], metadata={})
    mean = [(_a, float(part.weight) * _b) for part in parts for _a, _b in [scaled(part.adapter)]]
    mean_a, mean_b = np.vstack([x for x, _ in mean]), np.hstack([y for _, y in mean])
    merged_a, merged_b = scaled(merged)
    norm = delta_norm(mean_a, mean_b)
    gap = delta_norm(np.vstack([merged_a, mean_a]), np.hstack([merged_b, -mean_b]))
    return MergeOutcome(merged, delta_norm(merged_a, merged_b), gap / norm if norm > 0 else 0.0)
