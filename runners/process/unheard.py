"""A job whose asker is gone ends at once: it would compute for minutes, with gigabytes held, what nobody reads."""

import os
import select
import threading

POLL_MS = 1000  # a system that doesn't wake a waiter is asked again
EXIT_UNHEARD = 141  # as a shell says it of a process that SIGPIPE ended
GONE = select.POLLERR | select.POLLHUP  # told without being asked for


def end_when_unheard(sink_fd: int) -> None:
    """Ends this process once nobody holds the other end of `sink_fd`, in the middle of whatever it does: all that a
    job writes may be cut off at any point. A file has no other end, and is never gone."""
    threading.Thread(target=_wait, args=(sink_fd,), name="unheard", daemon=True).start()


def _wait(sink_fd: int) -> None:
    poll = select.poll()
    poll.register(sink_fd, 0)
    while not any(what & GONE for _, what in poll.poll(POLL_MS)):
        pass
    os._exit(EXIT_UNHEARD)
