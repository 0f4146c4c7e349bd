"""Can the same slices still be done again under the same contract? Pure: what stands in the way, if anything."""

from collections.abc import Iterable
from dataclasses import dataclass

from runners.contract.coordinator_records import Finding
from runners.contract.states import Classification

REPLAYABLE = (Classification.REPLAY_REQUIRED, Classification.WAIT_THEN_REPLAY)


@dataclass(frozen=True)
class Ended:
    """What is known of an attempt that ended, or is about to end, for want of a contributor."""

    classification: Classification
    revision: int
    max_revisions: int
    unproven: Iterable[str] = ()  # nodes whose old process was not proven dead: it could still write


def hindrances(ended: Ended) -> tuple[Finding, ...]:
    """Empty means that a replay is possible. A host that proved its process dead was reached, its gate passed."""
    found: list[Finding] = []
    if ended.classification not in REPLAYABLE:
        expected = " or ".join(REPLAYABLE)
        found.append(Finding(rule="ended_replayable", expected=expected, got=ended.classification.value))
    if ended.revision >= ended.max_revisions:
        left = f"a revision below {ended.max_revisions}, the lane's last"
        found.append(Finding(rule="revision_left", expected=left, got=str(ended.revision)))
    unproven = (f"{node_id} proven dead" for node_id in sorted(ended.unproven))
    return (*found, *(Finding(rule="old_process_ended", expected=proof, got="no proof") for proof in unproven))
