"""How a test waits for what another process, thread or task does: for the event, and never for a time.

A bound is there so that a test that waits in vain says what it waited for. It is no promise of how fast anything is.
"""

import asyncio
import time
from collections.abc import Callable

PATIENCE_S = 90.0  # below the 120 s after which pytest ends a test without knowing what it waited for


def until(what: str, happened: Callable[[], object], *, patience_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while not happened():
        assert time.monotonic() < deadline, f"expected {what} within {patience_s:g} s"
        time.sleep(0.02)


async def meanwhile_until(what: str, happened: Callable[[], object], *, patience_s: float = PATIENCE_S) -> None:
    """The event loop goes on."""
    deadline = time.monotonic() + patience_s
    while not happened():
        assert time.monotonic() < deadline, f"expected {what} within {patience_s:g} s"
        await asyncio.sleep(0.02)
