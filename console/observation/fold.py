"""`(state, line) -> state`, pure: the same fold serves a live run, a retained one, and tests."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from console.observation.coordinator_fold import COORDINATOR_FOLDS
from console.observation.line import JournalFinding, Line
from console.observation.node_fold import NODE_FOLDS
from console.observation.state import Host, State, Work

Fold = Callable[[State, Line, Any], State]


def fold(state: State, line: Line) -> State:
    """A line whose body isn't readable counts as a record and changes nothing else."""
    state = replace(state, records=state.records + 1)
    if line.from_coordinator:
        state = replace(state, last=line.at)
    if line.body is None:
        return state
    if line.from_coordinator:
        return COORDINATOR_FOLDS[line.kind](state, line, line.body)
    return _of_host(state, line)


def _of_host(state: State, line: Line) -> State:
    """A contributor speaks only of itself."""
    host = state.host(line.node_id) or Host(line.node_id)
    place = (line.revision, line.epoch)
    now = (host.work.revision, host.work.epoch)
    if place < now:
        return state  # an older process of this node; its journal is evidence, not the present
    work = host.work
    if line.revision != work.revision:
        work = Work(revision=line.revision, epoch=line.epoch)
    elif line.epoch != work.epoch:
        work = replace(work, epoch=line.epoch, failed="", exited="")
    return with_host(state, replace(host, work=NODE_FOLDS[line.kind](work, line, line.body)))


def with_host(state: State, host: Host) -> State:
    if state.host(host.node_id) is None:
        return replace(state, hosts=(*state.hosts, host))
    return replace(state, hosts=tuple(host if one.node_id == host.node_id else one for one in state.hosts))


def fold_all(state: State, lines: Iterable[Line]) -> State:
    for line in lines:
        state = fold(state, line)
    return state


def fold_finding(state: State, finding: JournalFinding) -> State:
    return replace(state, findings=(*state.findings, finding))
