"""What can go wrong when looking at a run."""


class ObservationError(Exception):
    """Base of everything that a run folder can't be observed for."""


class NotARun(ObservationError):
    """The folder holds no journals of a run, live or retained."""


class RecordGone(ObservationError):
    """The bytes of a record that was read before are not on disk any more."""


class TooLong(ObservationError):
    """More records than what was asked for can hold in memory."""
