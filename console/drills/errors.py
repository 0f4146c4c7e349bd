"""Why a drill can't be held, or proves nothing."""


class DrillError(Exception):
    """Base of everything that a drill fails with before it has a result."""


class DrillRefused(DrillError):
    """This lane or machine can't have the fault; nothing was started."""


class CoordinatorStays(DrillError):
    """The bundle is closed and the verdict kept, and the run's coordinator doesn't leave."""


class RunAbandoned(DrillError):
    """No coordinator lives any more, and the run has no bundle: there is nothing to judge."""
