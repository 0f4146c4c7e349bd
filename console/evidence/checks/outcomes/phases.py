"""Durations of a window's phases, computed again from the coordinator's journal."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from console.evidence.checks.evidence import Evidence
from console.evidence.checks.journals import Line

Body = dict[str, Any]
Chosen = Callable[[Line], bool]


@dataclass(frozen=True)
class Timed:
    """`whole_ms` is None unless every required end was recorded in the epoch of its begin."""

    whole_ms: int | None
    active_ms: dict[str, int]


def kind(name: str) -> Chosen:
    return lambda line: line.kind == name


def into(state: str) -> Chosen:
    return lambda line: line.kind == "window_changed" and line.body["after"] == state


def gate_answered(line: Line) -> bool:
    """A report, good or bad; a host that gave none was not measured."""
    refused = line.kind == "bringup_refused" and line.body["report_digest"] is not None
    return refused or line.kind == "bringup_received"


# (begin, end, the begin is each node's own); phases of the coordinator alone come after.
BY_NODE: dict[str, tuple[Chosen, Chosen, bool]] = {
    "bring_up": (into("admitting"), gate_answered, False),
    "ship": (kind("plan_bound"), kind("shipped"), False),
    "prepare": (kind("shipped"), kind("runner_ready"), True),
    "train": (kind("window_opened"), kind("contribution_seen"), False),
    "fetch": (kind("contribution_seen"), kind("submission_judged"), True),
    "replay": (into("validating"), kind("replay_judged"), False),
}
ALONE: dict[str, tuple[Chosen, Chosen]] = {
    "inputs": (into("admitting"), kind("inputs_prepared")),
    "merge": (into("validated"), kind("merged")),
    "score": (into("aggregated"), kind("scored")),
}


def timed(e: Evidence) -> dict[str, Timed]:
    """Every phase that a journal can time."""
    found = {}
    for phase, (begin, end, own) in BY_NODE.items():
        active = {}
        for node in e.contributors:
            ms = between(e, begin, end, node if own else None, node)
            if ms is not None:
                active[node] = ms
        whole = max(active.values()) if len(active) == len(e.contributors) and active else None
        found[phase] = Timed(whole, active)
    for phase, (begin, end) in ALONE.items():
        found[phase] = Timed(between(e, begin, end, None, None), {})
    return found


def between(e: Evidence, begin: Chosen, end: Chosen, begin_node: str | None, end_node: str | None) -> int | None:
    """From the last begin to the last end, if one process recorded both."""
    first, last = _last(e, begin, begin_node), _last(e, end, end_node)
    if first is None or last is None or first.record["epoch"] != last.record["epoch"]:
        return None
    return max(0, int(last.record["mono_ms"]) - int(first.record["mono_ms"]))


def _last(e: Evidence, chosen: Chosen, node: str | None) -> Line | None:
    matching = [line for line in e.coordinator if chosen(line) and node in (None, line.body.get("node_id"))]
    return matching[-1] if matching else None


def backend_label(e: Evidence, node: str) -> str:
    report = e.bringup(node)
    device = report["device"] if report else None
    return str(device["backend_label"]) if device else "not_observed"
