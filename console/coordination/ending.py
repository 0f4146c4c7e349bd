"""The window's last rules: can what is missing be done again, may the run close, and what is it called. Pure."""

from console.coordination.outlook import Ended, hindrances
from console.coordination.state import RunState
from runners.contract import coordinator_records as rec
from runners.contract.document import Word
from runners.contract.states import Classification, WindowState

W = WindowState


def replay_is_weighed(state: RunState, _: int) -> Word | None:
    """A contributor went: the last stop condition trips only where the same slices can't be done again."""
    if state.exit not in (W.REPLAY_REQUIRED, W.WAIT_THEN_REPLAY) or state.outlook is not None or not _all_gone(state):
        return None
    unproven = [node.node_id for node in state.in_order if node.may_run and not node.proven_dead]
    found = hindrances(Ended(classify(state), state.revision, state.policies.max_revisions, unproven))
    return rec.ReplayOutlook(possible=not found, findings=found)


def _all_gone(state: RunState) -> bool:
    return not state.awaiting_bounds and not any(node.may_run and not node.released for node in state.in_order)


def closing(state: RunState, _: int) -> Word | None:
    """A run closes once no process of its own is left that could still write."""
    if not state.ended or not _all_gone(state):
        return None
    if state.window is not W.CLOSED:
        return state.move(W.CLOSED, state.reason)
    return rec.Closed(classification=classify(state), reason=state.reason, heads=state.heads)


def classify(state: RunState) -> Classification:
    """The verdict word of the whole run."""
    if state.exit in (W.HELD, W.PROMOTED):
        return Classification.BOUNDED_SUCCESS
    if state.stop_reason is not None and state.exit is W.ABORTED:
        return Classification.STOPPED_BY_OPERATOR
    trouble = next((each for each in (state.trouble, *(node.trouble for node in state.in_order)) if each), None)
    if trouble is not None:
        return trouble.classification
    if state.exit is W.REPLAY_REQUIRED:
        return Classification.REPLAY_REQUIRED
    if state.exit is W.WAIT_THEN_REPLAY:
        return Classification.WAIT_THEN_REPLAY
    return Classification.REJECTED if state.exit is W.REJECTED else Classification.FAILED_VALIDATION
