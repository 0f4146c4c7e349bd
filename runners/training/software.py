"""Which code ran."""

import platform
from functools import cache

from runners.contract.execution import ExecutionSettings
from runners.contract.names import Sha256, as_label
from runners.contract.receipts import Software
from runners.records.sources import sources_sha256
from runners.training.backend import Backend


def software(backend: Backend) -> Software:
    return Software(
        python=as_label(f"{platform.python_implementation()}@{platform.python_version()}"),
        platform=as_label(platform.platform()),
        backend=backend.version(),
        runners_sha256=runners_sha256(),
    )


def execution(backend: Backend) -> ExecutionSettings:
    """What decides the last bits, as the backend reads it back. Not before it is loaded with what was planned."""
    device = backend.device()
    return ExecutionSettings(
        backend=backend.version(),
        backend_label=device.backend_label,
        device_name=device.name,
        threads=device.threads,
        blas=device.blas,
        tf32=device.tf32,
        chunk_tokens=backend.chunk_tokens,
        tiles=backend.tiles,
        runners_sha256=runners_sha256(),
    )


@cache
def runners_sha256() -> Sha256:
    """Of the package in this process, read once: a later change on disk isn't what runs."""
    return sources_sha256()
