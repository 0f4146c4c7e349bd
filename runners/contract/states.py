"""The words for where a window, a host, a runner and a contribution stand."""

from enum import StrEnum


class WindowState(StrEnum):
    PLANNED = "planned"
    ADMITTING = "admitting"
    PREPARING = "preparing"
    ACTIVE = "active"
    COLLECTING = "collecting"
    SEALED = "sealed"
    VALIDATING = "validating"
    VALIDATED = "validated"
    AGGREGATED = "aggregated"
    HELD = "held"
    PROMOTED = "promoted"
    REFUSED = "refused"
    REPLAY_REQUIRED = "replay_required"
    REJECTED = "rejected"
    WAIT_THEN_REPLAY = "wait_then_replay"
    ABORTED = "aborted"
    CLOSED = "closed"


class Phase(StrEnum):
    """What a runner does, in its own words (heartbeats carry it)."""

    PREPARING = "preparing"
    READY = "ready"
    TRAINING = "training"
    WRITING = "writing"
    PRODUCED = "produced"


class RunnerState(StrEnum):
    """What the coordinator holds true about a runner. Never derived from the link alone."""

    ABSENT = "absent"
    PREPARING = "preparing"
    LIVE = "live"
    STALE = "stale"
    LOST = "lost"
    EXITED = "exited"


class LinkState(StrEnum):
    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


class Departure(StrEnum):
    """`crashed` needs proof of death (lock free, process gone); without it the departure is `timed_out`."""

    CRASHED = "crashed"
    TIMED_OUT = "timed_out"


class Disposition(StrEnum):
    """The validator's posture towards one contribution."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    QUARANTINED = "quarantined"
    REPLAY_REQUIRED = "replay_required"


class ReplayOutcome(StrEnum):
    EXACT = "exact"
    WITHIN_TOLERANCE = "within_tolerance"
    MISMATCH = "mismatch"
    FAILED = "failed"


class Classification(StrEnum):
    """The verdict of a whole run, as its bundle carries it."""

    BOUNDED_SUCCESS = "bounded_success"
    REFUSED_BRINGUP = "refused_bringup"
    REFUSED_ADMISSION = "refused_admission"
    FAILED_PREPARATION = "failed_preparation"
    FAILED_CONTRIBUTION = "failed_contribution"
    REPLAY_REQUIRED = "replay_required"
    WAIT_THEN_REPLAY = "wait_then_replay"
    REJECTED = "rejected"
    FAILED_VALIDATION = "failed_validation"
    CONTRACT_DRIFT = "contract_drift"
    STOPPED_BY_OPERATOR = "stopped_by_operator"
