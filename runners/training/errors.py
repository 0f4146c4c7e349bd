"""What can be wrong with what training reads. Each message says what, where, expected, got and the next step."""


class TrainingError(Exception):
    """Base of everything that training can refuse."""


class CheckpointError(TrainingError):
    """A folder is not a gpt-oss checkpoint that we can read the head of."""


class ShardError(TrainingError):
    """A shard file is not what a shard must be."""


class CaptureError(TrainingError):
    """Hidden states can't be captured from this model, this data or with this backend."""
