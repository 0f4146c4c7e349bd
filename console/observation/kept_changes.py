"""Whether a kept run still lies on disk as it was when it was read."""

import os
from pathlib import Path

MOST_FILES = 10_000
Marks = dict[str, tuple[int, int, int]]  # size, time of change, inode: who writes a file changes one of them


def marks_of(path: Path) -> Marks:
    """Of every file beneath; empty where there is no folder any more. Links are not followed."""
    found: Marks = {}
    for folder, _, leaves in os.walk(path, followlinks=False):
        for leaf in leaves:
            if len(found) == MOST_FILES:
                return found
            place = Path(folder, leaf)
            try:
                stat = place.lstat()
            except OSError:
                continue  # it vanished meanwhile
            found[place.relative_to(path).as_posix()] = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
    return found


def changes(before: Marks, now: Marks) -> tuple[str, ...]:
    """The names of files that came, went, or are others."""
    return tuple(sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name)))
