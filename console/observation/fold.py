"""`(state, line) -> state`, pure: the same fold serves a live run, a retained one, and tests."""

from collections.abc import Iterable
from dataclasses import replace

from console.observation.coordinator_fold import COORDINATOR_FOLDS
from console.observation.line import JournalFinding, Line
from console.observation.node_fold import NODE_FOLDS
from console.observation.state import Host, State, Work


def fold(state: State, line: Line) -> State:
    """A line whose body isn't readable counts as a record and changes nothing else."""
    return fold_all(state, (line,))


def fold_all(state: State, lines: Iterable[Line]) -> State:
    """As `fold` one by one. Contributors speak only of themselves, so their lines are folded host by host, and the
    state is built once: a long journal is mostly heartbeats."""
    works: dict[str, Work] = {}
    records, last = state.records, state.last
    for line in lines:
        records += 1
        if line.from_coordinator:
            last = line.at
            if line.body is not None:
                state = COORDINATOR_FOLDS[line.kind](state, line, line.body)
        elif line.body is not None:
            host = state.host(line.node_id)
            before = works.get(line.node_id) or (host.work if host else Work())
            works[line.node_id] = _speak(before, line)
    for node_id, work in works.items():
        state = _with_work(state, node_id, work)
    return replace(state, records=records, last=last)


def _speak(work: Work, line: Line) -> Work:
    place, now = (line.revision, line.epoch), (work.revision, work.epoch)
    if place < now:
        return work  # an older process of this node: its journal is evidence, not the present
    if line.revision != work.revision:
        work = Work(revision=line.revision, epoch=line.epoch)
    elif line.epoch != work.epoch:
        work = replace(work, epoch=line.epoch, failed="", exited="")
    return NODE_FOLDS[line.kind](work, line, line.body)


def _with_work(state: State, node_id: str, work: Work) -> State:
    if state.host(node_id) is None:
        return replace(state, hosts=(*state.hosts, Host(node_id, work=work)))
    return replace(state, hosts=tuple(replace(h, work=work) if h.node_id == node_id else h for h in state.hosts))


def fold_finding(state: State, finding: JournalFinding) -> State:
    return replace(state, findings=(*state.findings, finding))
