"""Which code ran."""

from runners.contract.receipts import Software
from runners.training.backend import Backend


def software(backend: Backend) -> Software:
    raise NotImplementedError
