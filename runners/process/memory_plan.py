"""Has this host room for a training? Asked at bring-up, where the chunk is chosen, and again before work is read; and
for a replay or a scoring, which choose anew."""

import errno
import sys
from collections.abc import Callable

from runners.contract.bringup import MemoryPlan
from runners.contract.lane import RunContract
from runners.contract.plan import Assignment
from runners.process.errors import Refused
from runners.process.probes.memory import free_memory
from runners.training import memory
from runners.training.backend import Backend
from runners.training.head import Head
from runners.training.throughput import SHARD_STEPS

OnCounted = Callable[[str], None]  # what was counted and what is free, in words


def plan_memory(contract: RunContract, head: Head, backend: Backend) -> MemoryPlan:
    """For a slice as long as the throughput's own. The head is read already: its memory isn't free, but it is had."""
    most = contract.recipe.chunk_tokens
    work = memory.Workload(
        vocab_size=head.vocab_size,
        hidden_size=head.hidden_size,
        rank=contract.adapter.rank,
        head_item=memory.item_of(head.dtype),
        tokens=SHARD_STEPS * most,
    )
    device = backend.device()
    place, tiles = memory.place_of(backend.name, device.kind), memory.tiling(backend.tiles, device.threads)
    chunk, needs = memory.plan(place, work, most, tiles, free_memory(device, held_bytes=work.head))
    return MemoryPlan(chunk_tokens=chunk, most_chunk_tokens=most, needs=needs)


def require_memory(assignment: Assignment, backend: Backend, on_counted: OnCounted) -> None:
    """In the planned chunks, which nobody may change now. Raises Refused with the figures."""
    device = backend.device()
    place, tiles = memory.place_of(backend.name, device.kind), memory.tiling(backend.tiles, device.threads)
    parts = memory.needed(place, memory.workload_of(assignment), backend.chunk_tokens, tiles)
    needs = memory.needs_of(parts, free_memory(device))
    told = memory.sentence(needs, backend.chunk_tokens)
    on_counted(told)
    if not memory.fits(needs):
        raise Refused("memory_short", f"{told}; end what else holds memory here, or bring this host up again")


def choose_chunk(work: memory.Workload, backend: Backend, on_counted: OnCounted) -> int:
    """The backend's chunk, or the first of its halves that this host has room for now. A replay in another chunk than
    the contribution's says so in its receipt, and owes closeness instead of equal bits. Raises Refused with the
    figures, in the system's word for it: the machine is short, nobody's work is wrong."""
    device = backend.device()
    place, tiles = memory.place_of(backend.name, device.kind), memory.tiling(backend.tiles, device.threads)
    chunk, needs = memory.plan(place, work, backend.chunk_tokens, tiles, free_memory(device))
    told = memory.sentence(needs, chunk)
    on_counted(told)
    if not memory.fits(needs):
        raise Refused(errno.errorcode[errno.ENOMEM].lower(), f"{told}; end what else holds memory here")
    if chunk != backend.chunk_tokens:
        print(f"room for smaller chunks than the {backend.chunk_tokens} tokens asked for: {told}", file=sys.stderr)
    return chunk
