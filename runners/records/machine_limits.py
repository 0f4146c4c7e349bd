"""What a machine refuses its own processes: room, open files, memory, a disk that fails or is read-only."""

import errno
import shutil
from pathlib import Path

REFUSED_HERE = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
)  # fmt: skip
NO_ROOM_BYTES = 64 * 1024  # no line of a log or a journal is longer
TORCH_SHORT = "DefaultCPUAllocator: can't allocate memory"  # a plain RuntimeError


def full_disk(folder: Path) -> str:
    """In words; empty where there is room, or none can be told."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return ""
    return f"{free} bytes are left on its disk" if free < NO_ROOM_BYTES else ""


def limit_of(error: BaseException | None) -> str | None:
    """The system's own word in small letters, `enospc`; None for whatever isn't the machine's. An error that was raised
    from another one is what its cause is."""
    while error is not None:
        # torch's own, of a card, isn't a MemoryError; by its name, since nothing here may load torch.
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or TORCH_SHORT in str(error):
            return "enomem"
        if isinstance(error, OSError) and error.errno in REFUSED_HERE:
            return errno.errorcode[error.errno].lower()
        error = error.__cause__
    return None


def is_limit(word: str) -> bool:
    """Is that reason of a host's the word of its own machine? Then it is nobody's work, and it passes."""
    return getattr(errno, word.upper(), None) in REFUSED_HERE


def error_of(limit: str, said: str) -> OSError | None:
    """The error that the word came from, as another process of this machine told it."""
    number = getattr(errno, limit.upper(), None)
    return OSError(number, said) if number in REFUSED_HERE else None
