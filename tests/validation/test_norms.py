"""The bound on a delta's norm, judged without a QR where that can be: by the coordinator, and by the checker apart."""

import numpy as np
import pytest

from console.evidence.checks.deltas import Delta
from console.validation.adapter import delta_norm, norm_past

RNG = np.random.default_rng(7)
A, B = RNG.standard_normal((4, 16)), RNG.standard_normal((64, 4))
TRUE = float(np.linalg.norm(B @ A))
LOOSE = float(np.linalg.norm(B) * np.linalg.norm(A))


@pytest.mark.parametrize("bound", [TRUE * 0.5, TRUE * (1 - 1e-12), TRUE * (1 + 1e-12), LOOSE * 0.99, LOOSE * 1.01])
def test_a_norm_is_past_its_bound_whether_or_not_the_product_of_norms_is(bound: float) -> None:
    for got in (norm_past(A, B, bound), Delta(B, A).norm_past(bound)):
        assert (got is not None) == (bound < TRUE)
        assert got is None or got == pytest.approx(TRUE)


def test_what_is_no_number_is_past_every_bound() -> None:
    broken = A.copy()
    broken[0, 0] = np.nan
    assert norm_past(broken, B, 1000.0) is not None
    assert Delta(B, broken).norm_past(1000.0) is not None


def test_the_norm_itself_is_as_ever() -> None:
    assert delta_norm(A, B) == pytest.approx(TRUE)
