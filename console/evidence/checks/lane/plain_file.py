"""One named file of a folder that a stranger may have filled: read once, never through a link."""

import os
import stat
from pathlib import Path

from console.evidence.checks.shared_file import shared_with

MAX_BYTES = 64 * 1024**2


def read_plain(root: Path, path: str) -> bytes | str:
    """The file's bytes, or in words why there are none to read; "" where there is no such file."""
    folder = root
    for part in Path(path).parts[:-1]:
        folder /= part
        if folder.is_symlink():
            return "a folder that is a symbolic link"
    try:
        fd = os.open(root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError) as error:
        return f"a file that can't be opened: {error}"
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode) or (shared := shared_with(found)):
        os.close(fd)
        return shared if stat.S_ISREG(found.st_mode) else "no regular file"
    with os.fdopen(fd, "rb") as stream:
        return f"{found.st_size} bytes" if found.st_size > MAX_BYTES else stream.read(MAX_BYTES + 1)
