"""Backends by name. Each library is imported only when it was chosen."""

from runners.contract.jobs import BackendName
from runners.training.backend import Backend


def load(name: BackendName, *, threads: int, chunk_tokens: int) -> Backend:
    """Raises BackendUnavailable. `threads` and `chunk_tokens` are frozen in the recipe: they decide the last bits."""
    raise NotImplementedError
