"""The batch order is a pure function: every side derives it and nobody has to trust it."""

from collections import Counter
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners.contract.batches import batch_order, check_batches, epoch_order
from runners.contract.errors import MalformedBytes

small = st.integers(min_value=1, max_value=40)


def test_the_order_is_frozen() -> None:
    """Documents of retained runs hold orders of this function: another order here would make them unverifiable."""
    assert batch_order(20260324, 5, 3, 4) == ((2, 4, 1), (0, 3, 3), (2, 1, 4), (0, 3, 2))


@given(seed=st.integers(min_value=0, max_value=2**53 - 1), samples=small, batch=small, steps=small)
def test_every_full_epoch_presents_every_sample_once(seed: int, samples: int, batch: int, steps: int) -> None:
    batches = batch_order(seed, samples, batch, steps)
    check_batches(batches, samples=samples, batch_samples=batch, steps=steps)
    stream = list(chain.from_iterable(batches))
    counts = Counter(stream[: len(stream) // samples * samples])
    assert set(counts.values()) <= {len(stream) // samples}


@given(seed=st.integers(min_value=0, max_value=1000), samples=small, steps=st.integers(min_value=2, max_value=20))
def test_fewer_steps_are_a_prefix_of_more(seed: int, samples: int, steps: int) -> None:
    assert batch_order(seed, samples, 4, steps)[:-1] == batch_order(seed, samples, 4, steps - 1)


def test_epochs_and_seeds_shuffle_differently() -> None:
    assert len({epoch_order(seed, epoch, 50) for seed in range(3) for epoch in range(3)}) == 9


@pytest.mark.parametrize("sizes", [(-1, 5, 3, 4), (0, 0, 3, 4), (0, 5, 0, 4), (0, 5, 3, 0)])
def test_sizes_without_meaning_are_a_wrong_call(sizes: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="expected positive sizes"):
        batch_order(*sizes)


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        (((0, 1),), "expected 2 rows, one per step, got 1"),
        (((0, 1), (2,)), "step 2: expected 2 samples, got 1"),
        (((0, 1), (2, 3)), "step 2: expected indices below 3, got 3"),
        (((0, -1), (2, 2)), "step 1: expected indices below 3, got -1"),
    ],
)
def test_batches_that_do_not_fit_the_slice_are_refused(batches: tuple[tuple[int, ...], ...], message: str) -> None:
    with pytest.raises(MalformedBytes, match=message):
        check_batches(batches, samples=3, batch_samples=2, steps=2)
