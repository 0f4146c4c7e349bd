"""A stacked merge brought back to a smaller rank: the best approximation there is, and what it costs.

With thin factorisations `B = Q S` and `A^T = P T` the delta is `Q (S T^T) P^T`, and the SVD of the small core
`S T^T` `[R, R]` gives the optimum (Eckart and Young). Q is never formed: `S` comes from the Gram matrix of B in
float64, and the new B is the old one times an `[R, r]` matrix.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from console.aggregation.gram import Floats, gram
from console.validation.adapter import Adapter

KEPT = 1e-7  # singular values of B below this part of the largest are rounding: the Gram matrix squares them


@dataclass(frozen=True)
class Recompressed:
    adapter: Adapter
    energy: float  # ‖delta‖^2 before
    discarded_energy: float  # ‖delta - recompressed delta‖^2

    @property
    def discarded_part(self) -> float:
        """Of the energy, 0 to 1; its square root is the relative error of the delta."""
        return self.discarded_energy / self.energy if self.energy > 0 else 0.0


def recompress(stacked: Adapter, rank: int) -> Recompressed:
    """To `rank` with the scale kept. Raises ValueError for a rank that is no smaller rank."""
    if not 1 <= rank < stacked.rank:
        raise ValueError(f"recompress: expected a rank from 1 to {stacked.rank - 1}, got {rank}")
    core_b, back = _tall_factor(stacked.b)
    p, t = np.linalg.qr(stacked.a.astype(np.float64).T)  # [d, R], [R, R]
    u, sizes, wt = np.linalg.svd(core_b @ t.T, full_matrices=False)
    root = np.sqrt(sizes[:rank])
    fold = back @ (u[:, :rank] * root)  # [R, r]
    b = stacked.b @ fold.astype(np.float32)
    a = (root[:, None] * wt[:rank]) @ p.T
    energy = stacked.scale**2 * sizes**2
    return Recompressed(
        adapter=Adapter(a.astype(np.float32), b, alpha=stacked.scale * rank, metadata={}),
        energy=float(energy.sum()),
        discarded_energy=float(energy[rank:].sum()),
    )


def _tall_factor(b: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """(S, S^+) with `B = Q S` and Q orthonormal, both `[R, R]`; directions that B does not have are zero."""
    squares, vectors = np.linalg.eigh(gram(lambda rows: b[rows].astype(np.float64), b.shape[0]))
    sizes = np.sqrt(np.maximum(squares, 0.0))
    kept = sizes > KEPT * sizes.max(initial=0.0)
    inverse = np.where(kept, 1.0 / np.where(kept, sizes, 1.0), 0.0)
    return np.where(kept, sizes, 0.0)[:, None] * vectors.T, vectors * inverse
