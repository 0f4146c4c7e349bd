"""The admission token in the agent: in memory only, and only for the child that admits."""

import os
from collections.abc import MutableMapping
from typing import Self

from runners.agent.errors import AgentSettingsError
from runners.records.verb_process import TOKEN_ENV

MAX_TOKEN_BYTES = 256


class AdmissionToken:
    """Prints as stars, whoever logs it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "AdmissionToken(****)"

    @classmethod
    def take(cls, environ: MutableMapping[str, str], *, stdin_fd: int | None) -> Self | None:
        """From the first line of `stdin_fd`, else out of the environment. Raises AgentSettingsError."""
        from_environ = environ.pop(TOKEN_ENV, None)
        if stdin_fd is None:
            return cls(from_environ) if from_environ else None
        line = _first_line(stdin_fd)
        if not line or not line.isascii() or not line.isprintable():
            raise AgentSettingsError("--token-stdin: expected the admission token as the first line, got no such line")
        return cls(line)


def _first_line(fd: int) -> str:
    """Byte by byte: nothing that follows the line may stay in a buffer of ours."""
    line = b""
    while len(line) <= MAX_TOKEN_BYTES and (byte := os.read(fd, 1)) not in (b"", b"\n"):
        line += byte
    return line.decode("ascii", errors="replace") if len(line) <= MAX_TOKEN_BYTES else ""
