"""What arrived from a contributor, as bytes, with everything it is measured against."""

from collections.abc import Mapping
from dataclasses import dataclass

from runners.contract.coordinator_records import BringupReceived, ContributionSeen
from runners.contract.lane import Governance
from runners.contract.plan import Assignment, CheckpointRef


@dataclass(frozen=True)
class UnverifiedSubmission:
    """`files` holds the fetched bytes by name; nothing of it is true yet."""

    node_id: str
    files: dict[str, bytes]
    seen: ContributionSeen
    assignment: Assignment
    bringup: BringupReceived
    governance: Governance
    checkpoints: tuple[CheckpointRef, ...]  # all that are kept of this slice's work, by step, each sound in itself
    checkpoint_losses: Mapping[int, tuple[float, ...]]  # what each of them holds, by step
