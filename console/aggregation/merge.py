"""Accepted deltas become one: their exact weighted mean, by rank stacking.

Averaging A and B separately is wrong (the mean of products is not the product of means). Stacked,
`[w1 B1, w2 B2] @ [A1; A2] = w1 B1 A1 + w2 B2 A2`; the scale alpha / r stays, so alpha grows with the rank.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from console.aggregation.gram import product_norm, row_blocks
from console.validation.adapter import Adapter


@dataclass(frozen=True)
class WeightedAdapter:
    adapter: Adapter
    weight: Fraction


@dataclass(frozen=True)
class MergeOutcome:
    merged: Adapter
    delta_norm: float  # Frobenius norm of the merged delta
    residual: float  # ‖merged - mean‖ / ‖merged‖, both in float64


def sample_weights(samples: dict[str, int]) -> dict[str, Fraction]:
    """Weights in proportion to the distinct samples of each slice; they sum to one exactly."""
    total = sum(samples.values())
    return {node_id: Fraction(count, total) for node_id, count in samples.items()}


def merge(parts: Sequence[WeightedAdapter]) -> MergeOutcome:
    """The stacked adapter, and how far its rounding to f32 took it from the mean."""
    merged = stack(parts)
    return MergeOutcome(merged, *_measured(merged, parts))


def stack(parts: Sequence[WeightedAdapter]) -> Adapter:
    """The merged adapter: rank sum(r_i), and scale 1 where the parts' scales differ, else theirs."""
    scales = {part.adapter.scale for part in parts}
    scale = scales.pop() if len(scales) == 1 else 1.0
    a = np.vstack([part.adapter.a for part in parts])
    b = np.empty((parts[0].adapter.b.shape[0], a.shape[0]), np.float32)
    for rows in row_blocks(b.shape[0]):  # a block stays in the cache while every part writes its columns
        for part, columns in zip(parts, _columns(parts), strict=True):
            factor = np.float32(float(part.weight) * part.adapter.scale / scale)
            np.multiply(part.adapter.b[rows], factor, out=b[rows, columns])
    return Adapter(a, b, alpha=scale * a.shape[0], metadata={})


def _columns(parts: Sequence[WeightedAdapter]) -> list[slice]:
    ends = np.cumsum([part.adapter.rank for part in parts]).tolist()
    return [slice(end - part.adapter.rank, end) for end, part in zip(ends, parts, strict=True)]


def _measured(merged: Adapter, parts: Sequence[WeightedAdapter]) -> tuple[float, float]:
    """(‖merged‖, ‖merged - mean‖ / ‖merged‖). Both deltas share A, so the difference is taken in B, exactly in float64:
    a difference of two norms, or a Gram matrix of both side by side, would lose the digits that are asked for."""
    columns = _columns(parts)

    def scaled_rows(rows: slice) -> NDArray[np.float64]:
        return merged.scale * merged.b[rows].astype(np.float64)

    def lost_rows(rows: slice) -> NDArray[np.float64]:
        lost = scaled_rows(rows)
        for part, its in zip(parts, columns, strict=True):
            lost[:, its] -= float(part.weight) * part.adapter.scale * part.adapter.b[rows].astype(np.float64)
        return lost

    norm = product_norm(scaled_rows, merged.b.shape[0], merged.a)
    gap = product_norm(lost_rows, merged.b.shape[0], merged.a)
    return norm, gap / norm if norm > 0 else 0.0
