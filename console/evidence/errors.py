"""What can go wrong with evidence on the producer's side. What is wrong with a bundle is a finding, not an error."""


class EvidenceError(Exception):
    """Base of this room's errors."""


class UnfitOperatorKey(EvidenceError):
    """The operator's key can't sign a bundle."""


class ReexecutionError(EvidenceError):
    """The work could not be done again at all; nothing is said about the bundle."""


class BundleNotVerified(EvidenceError):
    """A run bundle contradicts itself, so nothing may be concluded or published from it."""


class PublicationRefused(EvidenceError):
    """A gate of publication is not met. The message names it."""


class LaneSourceError(EvidenceError):
    """A lane can't be frozen from the base, the dataset or the documents that lie there."""


class LaunchRefused(EvidenceError):
    """An operator bundle that would say something untrue, or be written over another one."""
