"""A job whose asker is gone ends at once: it would compute for minutes, with gigabytes held, what nobody reads."""

import os
import select
import threading
from contextlib import suppress
from typing import Any

POLL_MS = 1000  # a system that doesn't wake a waiter is asked again
EXIT_UNHEARD = 141  # as a shell says it of a process that SIGPIPE ended
GONE = select.POLLERR | select.POLLHUP  # told without being asked for


def end_when_unheard(sink_fd: int) -> None:
    """Ends this process once nobody holds the other end of `sink_fd`, in the middle of whatever it does: all that a
    job writes may be cut off at any point. A file has no other end, and is never gone."""
    threading.Thread(target=_wait, args=(sink_fd,), name="unheard", daemon=True).start()


def _wait(sink_fd: int) -> None:
    if is_gone_at_last(sink_fd):
        os._exit(EXIT_UNHEARD)


def is_gone_at_last(sink_fd: int, system: Any = select) -> bool:
    """Returns once nobody holds the other end; False at once where there can be none. `system` is the module `select`:
    where it has kqueue (macOS, BSD) that is asked, because poll(2) of macOS tells no hang-up that wasn't asked for, and
    loses one that was."""
    if hasattr(system, "kqueue"):
        return _by_kqueue(sink_fd, system)
    poll = system.poll()
    poll.register(sink_fd, 0)
    while not any(what & GONE for _, what in poll.poll(POLL_MS)):
        pass
    return True


def _by_kqueue(sink_fd: int, system: Any) -> bool:
    """As asyncio sees that the reader of a pipe is gone: by what could be read from its writing end. A change is told
    once, so that a terminal at which somebody types wakes nobody all the time."""
    asked = system.kevent(sink_fd, system.KQ_FILTER_READ, system.KQ_EV_ADD | system.KQ_EV_CLEAR)
    with suppress(OSError):  # EINVAL: a device that has no events, as /dev/null
        queue = system.kqueue()
        told = queue.control([asked], 1, None)
        while not any(event.flags & system.KQ_EV_EOF for event in told):
            told = queue.control(None, 1, None)
        return True
    return False
