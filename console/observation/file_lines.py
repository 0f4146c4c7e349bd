"""A text file of any size by lines: indexed piece by piece, so that the first screen doesn't wait for the last byte."""

import json
import os
from array import array
from bisect import bisect_right
from pathlib import Path

from console.evidence.kept_file import open_kept

PIECE = 256 * 1024
LONGEST = 480  # bytes of one line on screen; a longer one goes on in the next


class FileLines:
    """`grow` indexes on; `line` reads one. A longer line is cut at LONGEST, so a 1 MB line costs what a short one does.

    Raises RecordsError when the path is no plain file.
    """

    def __init__(self, path: Path) -> None:
        self._fd = open_kept(path)
        self.size = os.fstat(self._fd).st_size
        self._starts = array("Q")
        self._read = 0  # bytes that were looked through
        self._open = 0  # where the line begins that goes on
        self._parts = 0  # and where its next part does

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def whole(self) -> bool:
        return self._read >= self.size

    def grow(self, pieces: int = 1) -> None:
        """Look through the next pieces of the file."""
        for _ in range(pieces):
            if self.whole:
                return
            data = os.pread(self._fd, PIECE, self._read)
            if not data:
                self.size = self._read  # the file became shorter
                break
            at = data.find(b"\n")
            while at >= 0:
                self._note(self._read + at + 1)
                at = data.find(b"\n", at + 1)
            self._read += len(data)
            # What is known of a line that has no end yet: in whole parts, so that each still begins where it began.
            parts = range(self._parts, self._read - LONGEST, LONGEST)
            self._starts.extend(parts)
            self._parts += LONGEST * len(parts)
        if self.whole and self._open < self.size:
            self._note(self.size)

    def _note(self, end: int) -> None:
        """A line ends here, its LF included."""
        self._starts.extend(range(self._parts, end, LONGEST))
        self._open = self._parts = end

    def line(self, index: int) -> str:
        """Harmless text: what isn't printable ASCII or a plain letter shows as an escape."""
        start = self._starts[index]
        raw = os.pread(self._fd, LONGEST, start)
        end = self._starts[index + 1] if index + 1 < len(self._starts) else start + LONGEST
        text = raw[: end - start].split(b"\n", 1)[0].decode(errors="backslashreplace")
        text = text.replace("\t", "    ").rstrip("\r")
        return text if text.isascii() and text.isprintable() else json.dumps(text)[1:-1].replace('\\"', '"')

    def at(self, offset: int) -> int:
        """The line that holds a byte."""
        return max(0, bisect_right(self._starts, offset) - 1)

    def close(self) -> None:
        os.close(self._fd)
