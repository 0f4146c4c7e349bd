"""What can go wrong in the coordinator's own work."""


class CoordinationError(Exception):
    """Base of everything that the coordinator itself can fail with."""


class LaneFileError(CoordinationError):
    """A lane's TOML file is not a lane. The author of the lane can fix it."""


class JobFailed(CoordinationError):  # noqa: N818
    """A job process (capture, cut, replay, score) ended without its result."""


class LostIdentity(CoordinationError):  # noqa: N818
    """The run's journal is signed by another key than this machine holds."""


class LaneDrift(CoordinationError):  # noqa: N818 - the noun is what happened
    """The run's plan or membership is not what the lane froze."""
