"""A system command's output. What a system doesn't have is an answer too: None."""

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

TIMEOUT_S = 10
LONGEST_OUTPUT = 1024 * 1024
Run = Callable[[Sequence[str]], str | None]


def run(argv: Sequence[str]) -> str | None:
    """Standard output, or None where the command isn't there, fails or takes too long."""
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(argv, capture_output=True, timeout=TIMEOUT_S, check=False, env=environment)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0 or len(done.stdout) > LONGEST_OUTPUT:
        return None
    return done.stdout.decode("utf-8", errors="replace")


def read_text(path: Path) -> str | None:
    """A small file of the kernel's, or None."""
    try:
        return path.read_text(errors="replace")[:LONGEST_OUTPUT]
    except OSError:
        return None
