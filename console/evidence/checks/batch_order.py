"""The batch order that a recipe's seed stands for, derived again from its description.

Each epoch sorts the sample indices by sha256 of `swarm.batch_order.v1/<seed>/<epoch>/<index>`; the epochs form one
stream and every step takes the next `batch_samples` of it.
"""

from console.evidence.checks.stored import sha256_hex

MOST_ITEMS = 10_000_000  # a claim past this is refused before any work is done for it


def batch_order(seed: int, samples: int, batch_samples: int, steps: int) -> list[list[int]] | None:
    """One row of indices per step; None for sizes that no recipe has."""
    wanted = batch_samples * steps
    if min(samples, batch_samples, steps) < 1 or max(wanted, samples) > MOST_ITEMS:
        return None
    stream: list[int] = []
    epoch = 0
    while len(stream) < wanted:
        keys = {index: sha256_hex(f"swarm.batch_order.v1/{seed}/{epoch}/{index}".encode()) for index in range(samples)}
        stream += sorted(keys, key=keys.__getitem__)
        epoch += 1
    return [stream[start : start + batch_samples] for start in range(0, wanted, batch_samples)]
