"""How far two ends of one segment are apart, in float64."""

from typing import Any

import numpy as np

from console.evidence.checks.deltas import delta_of, total
from console.evidence.checks.states import State
from console.evidence.checks.tensors import Adapter

Body = dict[str, Any]
LARGEST = float(np.finfo(np.float64).max)  # stands in a receipt for what is beyond every number that it can spell
SPELLED = 2.0**53


def distances(start: State, end: State, replayed: State, alpha: float) -> list[Body]:
    """Of the delta, and of every moment that the end has: difference, the segment's own change, and norm."""
    measured: list[Body] = [
        {
            "what": "delta",
            "difference": as_told(delta_distance(end.adapter, replayed.adapter, alpha)),
            "change": as_told(delta_distance(replayed.adapter, start.adapter, alpha)),
            "norm": as_told(delta_of(replayed.adapter, alpha).norm),
        }
    ]
    for name in end.moments:
        again = replayed.moment(name)
        before = start.moment(name) if start.moments else np.zeros_like(again)
        measured.append(
            {
                "what": name,
                "difference": as_told(float(np.linalg.norm(end.moment(name) - again))),
                "change": as_told(float(np.linalg.norm(again - before))),
                "norm": as_told(float(np.linalg.norm(again))),
            }
        )
    return measured


def delta_distance(one: Adapter, other: Adapter, alpha: float) -> float:
    """‖s B A - s' B' A'‖; zero for equal bytes, which two QRs would blur."""
    if one.same_bytes(other):
        return 0.0
    return total([delta_of(one, alpha), delta_of(other, alpha).times(-1.0)]).norm


def relative(distance: Body) -> float:
    """Difference over change."""
    if distance["difference"] == 0.0:
        return 0.0
    return as_told(float(distance["difference"] / distance["change"])) if distance["change"] else LARGEST


def as_told(value: float) -> float:
    """As a receipt has it."""
    return value if abs(value) < SPELLED else LARGEST
