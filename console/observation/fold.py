"""`(state, line) -> state`, pure: the same fold serves a live run, a retained one, and tests."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from operator import attrgetter

from console.observation.coordinator_fold import COORDINATOR_FOLDS
from console.observation.line import JournalFinding, Line
from console.observation.node_fold import NODE_FOLDS, SAID
from console.observation.state import Host, State, Work


def fold(state: State, line: Line) -> State:
    """A line whose body isn't readable counts as a record and changes nothing else."""
    return fold_all(state, (line,))


def fold_all(state: State, lines: Iterable[Line]) -> State:
    """As `fold` one by one. Contributors speak only of themselves, so their lines are folded host by host, and the
    state is built once: a long journal is mostly heartbeats."""
    spoken: dict[str, list[Line]] = {}
    records, last = state.records, state.last
    for line in lines:
        records += 1
        if line.from_coordinator:
            last = line.at
            if line.body is not None:
                state = COORDINATOR_FOLDS[line.kind](state, line, line.body)
        elif line.body is not None:
            spoken.setdefault(line.node_id, []).append(line)
    for node_id, said in spoken.items():
        host = state.host(node_id)
        state = _with_work(state, node_id, _speak_all(host.work if host else Work(), said))
    return replace(state, records=records, last=last)


def _speak_all(work: Work, lines: list[Line]) -> Work:
    """Of many log lines in a row only the newest are kept, so only those are folded."""
    for (kind, _, _), run in groupby(lines, key=attrgetter("kind", "revision", "epoch")):
        for line in tuple(run)[-SAID:] if kind == "log" else run:
            work = _speak(work, line)
    return work


def _speak(work: Work, line: Line) -> Work:
    place, now = (line.revision, line.epoch), (work.revision, work.epoch)
    if place < now:
        return work  # an older process of this node: its journal is evidence, not the present
    if line.revision != work.revision:
        work = Work(revision=line.revision, epoch=line.epoch)
    elif line.epoch != work.epoch:
        work = replace(work, epoch=line.epoch, failed="", exited="", accelerator=None)
    return NODE_FOLDS[line.kind](work, line, line.body)


def _with_work(state: State, node_id: str, work: Work) -> State:
    if state.host(node_id) is None:
        return replace(state, hosts=(*state.hosts, Host(node_id, work=work)))
    return replace(state, hosts=tuple(replace(h, work=work) if h.node_id == node_id else h for h in state.hosts))


def fold_finding(state: State, finding: JournalFinding) -> State:
    return replace(state, findings=(*state.findings, finding))
