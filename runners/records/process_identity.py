"""A process is named by pid and start time together: a pid alone is used again."""

import psutil

# The kernel gives the start since boot; its wall time moves by this much when the clock is stepped or rounded.
START_TOLERANCE_MS = 2000


def started_ms(pid: int) -> int | None:
    """Wall time in ms at which the living process `pid` was started, or None when there is none."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return int(process.create_time() * 1000)
    except psutil.NoSuchProcess:
        return None


def is_alive(pid: int, process_started_ms: int) -> bool:
    """Does that very process still run? A zombie does not."""
    now = started_ms(pid)
    return now is not None and abs(now - process_started_ms) <= START_TOLERANCE_MS
