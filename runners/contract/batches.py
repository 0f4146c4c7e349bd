"""Which samples each step sees: a pure function, so that every side can derive it and nobody has to trust it."""

import hashlib
from collections.abc import Iterator
from itertools import count, islice

from runners.contract.errors import MalformedBytes

Batches = tuple[tuple[int, ...], ...]


def batch_order(seed: int, samples: int, batch_samples: int, steps: int) -> Batches:
    """One row of `batch_samples` indices below `samples` per step.

    The samples pass by in epochs; each epoch is its own shuffle (see `epoch_order`). The epochs form one endless
    stream and a step takes the next `batch_samples` of it, so a batch may lie across the end of an
    epoch and hold a sample twice.
    """
    if min(samples, batch_samples, steps) < 1 or seed < 0:
        raise ValueError(f"expected positive sizes, got {samples=} {batch_samples=} {steps=} {seed=}")
    stream = _stream(seed, samples)
    return tuple(tuple(islice(stream, batch_samples)) for _ in range(steps))


def epoch_order(seed: int, epoch: int, samples: int) -> tuple[int, ...]:
    """Indices 0..samples-1, sorted by sha256 of `swarm.batch_order.v1/<seed>/<epoch>/<index>`."""

    def key(index: int) -> bytes:
        return hashlib.sha256(f"swarm.batch_order.v1/{seed}/{epoch}/{index}".encode()).digest()

    return tuple(sorted(range(samples), key=key))


def _stream(seed: int, samples: int) -> Iterator[int]:
    for epoch in count():
        yield from epoch_order(seed, epoch, samples)


def check_batches(batches: Batches, *, samples: int, batch_samples: int, steps: int) -> None:
    """Raises MalformedBytes unless there is one full row of existing samples per step."""
    if len(batches) != steps:
        raise MalformedBytes(f"batches: expected {steps} rows, one per step, got {len(batches)}")
    for step, batch in enumerate(batches, start=1):
        if len(batch) != batch_samples:
            raise MalformedBytes(f"batches: step {step}: expected {batch_samples} samples, got {len(batch)}")
        outside = [index for index in batch if not 0 <= index < samples]
        if outside:
            raise MalformedBytes(f"batches: step {step}: expected indices below {samples}, got {outside[0]}")
