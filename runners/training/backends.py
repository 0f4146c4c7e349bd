"""Backends by name. Each library is imported only when it was chosen."""

import os

from runners.contract.jobs import BackendName
from runners.training.backend import Backend
from runners.training.errors import BackendUnavailable
from runners.training.system_blas import prefer_openblas


def load(name: BackendName, *, threads: int, chunk_tokens: int) -> Backend:
    """Raises BackendUnavailable. `threads` and `chunk_tokens` are frozen in the recipe: they decide the last bits."""
    try:
        return _load(name, threads, chunk_tokens)
    except ImportError as error:
        raise BackendUnavailable(
            f"backend {name}: expected its library to be installed, got {error}; install the `train` extra"
        ) from error


def _load(name: BackendName, threads: int, chunk_tokens: int) -> Backend:
    if name == "torch":
        from runners.training.torch_backend import TorchBackend

        return TorchBackend(threads=threads, chunk_tokens=chunk_tokens)
    if name == "mlx":
        # Read once, at MLX's first product: newer Macs would otherwise round f32 factors to 10 bits.
        os.environ["MLX_ENABLE_TF32"] = "0"
        prefer_openblas()
        from runners.training.mlx_backend import MlxBackend

        return MlxBackend(threads=threads, chunk_tokens=chunk_tokens)
    if name == "reference":
        from runners.training.reference_backend import ReferenceBackend

        return ReferenceBackend(threads=threads, chunk_tokens=chunk_tokens)
    raise BackendUnavailable(f"backend: expected torch, mlx or reference, got {name!r}")
