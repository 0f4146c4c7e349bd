"""What can go wrong when looking at a run."""


class ObservationError(Exception):
    """Base of everything that a run folder can't be observed for."""


class NotARun(ObservationError):  # noqa: N818 - the noun is what the folder is not
    """The folder holds no journals of a run, live or retained."""


class RecordGone(ObservationError):  # noqa: N818
    """The bytes of a record that was read before are not on disk any more."""


class TooLong(ObservationError):  # noqa: N818 - the noun is what the run is
    """More records than what was asked for can hold in memory."""
