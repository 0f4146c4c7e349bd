"""What can be wrong with what training reads, and why an assignment did not become an adapter.

Each message says what, where, expected, got and the next step.
"""


class TrainingError(Exception):
    """Base of everything that training can refuse."""


class CheckpointError(TrainingError):
    """A folder is not a gpt-oss checkpoint that we can read the head of."""


class ShardError(TrainingError):
    """A shard file is not what a shard must be."""


class CaptureError(TrainingError):
    """Hidden states can't be captured from this model, this data or with this backend."""


class AdapterFileError(TrainingError):
    """An adapter file isn't what the plan says an adapter is."""


class StateFileError(TrainingError):
    """A training checkpoint isn't one of this work, or can't be gone on from."""


class InputMismatch(TrainingError):
    """Head, slice or initial adapter are not the bytes or shapes that the assignment names."""


class BackendUnavailable(TrainingError):
    """The accelerator library isn't installed or finds no device."""


class UnsupportedPrecision(TrainingError):
    """Another precision than f32_reference was asked for."""


class Diverged(TrainingError):
    """A loss or a weight is no longer finite."""


class GateFailed(TrainingError):
    """The backend ran the bring-up job but did not learn, or accepted what it must refuse."""


class Stopped(TrainingError):
    """The caller asked to stop; no adapter was produced."""
