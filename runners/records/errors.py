"""What can go wrong with a host's own files."""


class RecordsError(Exception):
    """Base of everything that a host's files can be refused for."""


class AlreadyHeld(RecordsError):  # noqa: N818
    """Another living process holds the lock."""


class KeyFileError(RecordsError):
    """A private key file is unreadable, malformed, or open to others."""


class TensorFileError(RecordsError):
    """A safetensors file is not what it must be."""


class UnsafePath(RecordsError):  # noqa: N818
    """A path is not a regular file with one link, inside its folder."""


class AdmissionRefused(RecordsError):  # noqa: N818
    """A side could not prove what admission needs. `reason` is the word for it."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
