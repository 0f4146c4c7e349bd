"""Copying, and saying which way the text went."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Callable


def copy(text: str, what: str, to_terminal: Callable[[str], None]) -> str:
    """macOS has pbcopy; elsewhere the terminal is asked by OSC 52, and nobody hears whether it did it."""
    pbcopy = shutil.which("pbcopy") if sys.platform == "darwin" else None
    if pbcopy is not None:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run([pbcopy], input=text.encode(), check=True, timeout=2)
            return f"✓ {what} copied by pbcopy"
    to_terminal(text)
    return f"{what} sent to the terminal by OSC 52; some ignore it"
