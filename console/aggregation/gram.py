"""Products `B A` with a tall B, through the small matrices `B^T B` and `A A^T`: V x d is never formed."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ROWS = 2048  # of B at a time, in float64: 2 MB at rank 128

RowsOf = Callable[[slice], Floats]


def row_blocks(rows: int) -> Iterator[slice]:
    return (slice(start, min(start + ROWS, rows)) for start in range(0, rows, ROWS))


def gram(rows_of: RowsOf, rows: int) -> Floats:
    """`B^T B` `[R, R]` in float64, B given block by block."""
    total: Floats | None = None
    for block in row_blocks(rows):
        part = rows_of(block)
        total = part.T @ part if total is None else total + part.T @ part
    assert total is not None
    return total


def product_norm(rows_of: RowsOf, rows: int, a: NDArray[np.float32]) -> float:
    """‖B A‖ (Frobenius): the sum over `B^T B * A A^T`, within 1e-8 of ‖B‖ ‖A‖."""
    wide = a.astype(np.float64)
    return float(np.sqrt(max(0.0, float(np.sum(gram(rows_of, rows) * (wide @ wide.T))))))
