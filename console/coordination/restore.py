"""The state that a coordinator's journal amounts to: what a restarted one goes on from. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from console.coordination.fold import fold
from console.coordination.state import RunState
from runners.contract import coordinator_records as rec
from runners.contract.document import Word, word_from_json
from runners.contract.journal import JournalRecord
from runners.contract.states import RunnerState


def body_of(record: JournalRecord) -> Word:
    """The typed body. Raises KeyError for a kind that this version doesn't know."""
    return word_from_json(rec.COORDINATOR_BODIES[record.kind], record.body)


def restored(past: Sequence[JournalRecord], now_ms: int) -> RunState:
    """Ages go on from where they stood at the last record: time that no coordinator watched counts for nobody."""
    state = RunState()
    for record, age_ms in zip(past, _watched_since(past), strict=True):
        state = fold(state, body_of(record), now_ms - age_ms)
    return _heard_anew(state, now_ms)


def _watched_since(past: Sequence[JournalRecord]) -> list[int]:
    """For each record, the watched time from it to the last one. Clocks of two epochs are never compared."""
    ages = [0] * len(past)
    steps = [
        max(0, after.mono_ms - before.mono_ms) if after.epoch == before.epoch else 0 for before, after in pairwise(past)
    ]
    for index in range(len(past) - 2, -1, -1):
        ages[index] = ages[index + 1] + steps[index]
    return ages


def _heard_anew(state: RunState, now_ms: int) -> RunState:
    """Nobody is called late for what we could not hear; who was stale stays so until a heartbeat comes."""
    nodes = {
        node_id: replace(node, last_beat_ms=now_ms)
        if node.last_beat_ms is not None and node.runner is not RunnerState.STALE
        else node
        for node_id, node in state.nodes.items()
    }
    return replace(state, nodes=nodes)
