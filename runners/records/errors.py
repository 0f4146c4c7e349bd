"""What can go wrong with a host's own files."""


class RecordsError(Exception):
    """Base of everything that a host's files can be refused for."""


class AlreadyHeld(RecordsError):
    """Another living process holds the lock."""


class KeyFileError(RecordsError):
    """A private key file is unreadable, malformed, or open to others."""


class TensorFileError(RecordsError):
    """A safetensors file is not what it must be."""


class UnsafePath(RecordsError):
    """A path is not a regular file with one link, inside its folder."""


class AdmissionRefused(RecordsError):
    """A side could not prove what admission needs. `reason` is the word for it."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
