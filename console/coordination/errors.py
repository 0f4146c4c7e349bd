"""What can go wrong in the coordinator's own work."""

from runners.contract.coordinator_records import Finding


class CoordinationError(Exception):
    """Base of everything that the coordinator itself can fail with."""


class LaneFileError(CoordinationError):
    """A lane's TOML file is not a lane. The author of the lane can fix it."""


class UnknownLane(LaneFileError):
    """No lane has that name, and no file is there. Whoever named it can."""


class JobFailed(CoordinationError):
    """A job process (capture, cut, replay, score) ended without its result."""


class JobEnded(JobFailed):
    """Its process ended without a word: killed, or crashed. What it did before may be there."""


class LostIdentity(CoordinationError):
    """The run's journal is signed by another key than this machine holds."""


class ContractDrift(CoordinationError):
    """What the run acts on is not what the lane froze, or no longer what was bound: `document` and what was found."""

    def __init__(self, document: str, findings: tuple[Finding, ...]) -> None:
        said = "; ".join(f"{item.rule}: expected {item.expected}, got {item.got}" for item in findings)
        super().__init__(f"{document}: {said}")
        self.document, self.findings = document, findings
