"""Blocks dealt to threads, each of which computes alone.

An operation that torch shares out among its own threads ends when the slowest of them does; a step has thousands of
short ones. Here a thread does all of a block by itself and takes the next one when it is done: what a block gives
doesn't hang on who did it, nor on how many did.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

import torch


class BlockThreads:
    """As many threads as were asked for, each with torch set to one. A single one is the caller's own."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool = None
        if threads > 1:
            self._pool = ThreadPoolExecutor(threads, "block", initializer=_compute_alone)
            # All begin now, so that whoever made this can put right what they set for threads that come later.
            here = threading.Barrier(threads)
            wait([self._pool.submit(here.wait) for _ in range(threads)])

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The caller computes alone too. Else torch's own threads, when they have shared in an operation of its, spin
        for some milliseconds on processors that the blocks need."""
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def each(self, count: int, work: Callable[[int], object]) -> None:
        """`work` of 0 to `count` - 1 in any order, returning when all are done. Raises what the first one raised."""
        if self._pool is None or count == 1:
            for index in range(count):
                work(index)
            return
        numbers = iter(range(count))

        def take_turns() -> None:
            for index in numbers:
                work(index)

        done = [self._pool.submit(take_turns) for _ in range(min(self._threads, count))]
        wait(done)
        for each in done:
            each.result()


def _compute_alone() -> None:
    torch.get_num_threads()  # when a thread first asks, torch sets it to the process's number
    torch.set_num_threads(1)


class OwnTensor(threading.local):
    """f32 memory that every thread has for itself, from when it first asks."""

    def __init__(self, *shape: int) -> None:
        self.values = torch.empty(shape)
