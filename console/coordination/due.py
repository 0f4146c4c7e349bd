"""What has to be done next, pure: a set of commands that follows from the state alone.

A command is named by kind and node, so it is idempotent: a restarted coordinator simply asks again.
"""

from dataclasses import dataclass
from typing import Literal

from console.coordination.state import NodeState, RunState
from runners.contract.states import RunnerState, WindowState

Kind = Literal[
    "inputs",
    "admit_host",
    "bind_plan",
    "prepare_host",
    "open_window",
    "begin",
    "check_alive",
    "keep_checkpoints",
    "fetch",
    "replay",
    "merge",
    "score",
    "promote",
    "release",
]


@dataclass(frozen=True)
class Command:
    kind: Kind
    node_id: str | None = None


def due(state: RunState, now_ms: int) -> frozenset[Command]:
    """Every command whose effect is not recorded yet and whose precondition holds."""
    if state.opened is None or state.closed:
        return frozenset()
    commands = {
        Command(kind, node.node_id) for node in state.nodes.values() for kind in _node_kinds(state, node, now_ms)
    }
    return frozenset(commands | {Command(kind) for kind in _run_kinds(state)})


def _run_kinds(state: RunState) -> set[Kind]:
    kinds: set[Kind] = set()
    if state.ended:
        return kinds
    if not state.inputs_ready:
        kinds.add("inputs")
    if state.window is WindowState.ADMITTING and state.every("admission") and state.inputs_ready and not state.plan:
        kinds.add("bind_plan")
    if state.window is WindowState.PREPARING and state.every("ready") and state.begin_digest is None:
        kinds.add("open_window")
    if state.window is WindowState.VALIDATED and state.merged is None:
        kinds.add("merge")
    if state.window is WindowState.AGGREGATED and state.promotion is None:
        kinds.add("promote" if state.scored else "score")
    return kinds


def _node_kinds(state: RunState, node: NodeState, now_ms: int) -> set[Kind]:
    kinds: set[Kind] = set()
    if _may_go(state, node):
        kinds.add("release")
    if _in_doubt(state, node, now_ms):
        kinds.add("check_alive")
    if state.ended or node.trouble:
        return kinds
    if state.window is WindowState.ADMITTING and node.admission is None:
        kinds.add("admit_host")
    if state.window is WindowState.PREPARING and node.launched is None:
        kinds.add("prepare_host")
    if state.window is WindowState.ACTIVE and not node.began:
        kinds.add("begin")
    if node.outstanding:
        kinds.add("keep_checkpoints")
    elif node.seen is not None and node.submission is None:
        kinds.add("fetch")
    if state.window is WindowState.VALIDATING and node.replay is None:
        kinds.add("replay")
    return kinds


def _may_go(state: RunState, node: NodeState) -> bool:
    """A runner ends when its work is safe here, or when the attempt is over."""
    if not node.may_run or node.released:
        return False
    if state.ended:
        return not state.awaiting_bounds
    return node.submission is not None and state.window not in (WindowState.ACTIVE, WindowState.COLLECTING)


def _in_doubt(state: RunState, node: NodeState, now_ms: int) -> bool:
    """Two beats late: ask the host itself whether the process still lives. Only proof makes a crash."""
    if node.launched is None or node.seen or node.proven_dead or node.released or node.last_beat_ms is None:
        return False
    watched = state.window in (WindowState.PREPARING, WindowState.ACTIVE) or state.awaiting_bounds
    late = now_ms - node.last_beat_ms > 2 * state.policies.heartbeat_ms
    return watched and late and node.runner is not RunnerState.LOST
