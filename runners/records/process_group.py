"""A group of processes that we started, as one."""

import os
import signal
from contextlib import suppress


def signal_group(leader: int, number: signal.Signals) -> None:
    """To all of it that lives; nothing where none does. Of a group whose members have ended and were not waited for yet
    Linux says nothing, and macOS EPERM: killpg(2) there passes over zombies and finds nobody."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)
