"""Copying, and saying which way the text went."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping


def copy(text: str, what: str, to_terminal: Callable[[str], None]) -> str:
    """By pbcopy on a Mac; else the terminal is asked by OSC 52, and nobody hears whether it did it."""
    pbcopy = shutil.which("pbcopy") if sits_here(sys.platform, os.environ) else None
    if pbcopy is not None:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run([pbcopy], input=text.encode(), check=True, timeout=2)
            return f"✓ {what} copied by pbcopy"
    to_terminal(text)
    return f"{what} sent to the terminal by OSC 52; some ignore it"


def sits_here(platform: str, environ: Mapping[str, str]) -> bool:
    """At this very Mac? Through SSH its pasteboard is another machine's than the operator's."""
    return platform == "darwin" and "SSH_CONNECTION" not in environ
