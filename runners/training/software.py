"""Which code ran."""

import hashlib
import platform
from functools import cache
from pathlib import Path

from runners.contract.execution import ExecutionSettings
from runners.contract.names import Sha256, as_label
from runners.contract.receipts import Software
from runners.training.backend import Backend

PACKAGE = Path(__file__).resolve().parent.parent


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
    return sources_sha256(PACKAGE)


def sources_sha256(package: Path) -> Sha256:
    """Over every `.py` file below `package`, in the order of relative names: name, NUL, length, NUL, bytes."""
    digest = hashlib.sha256()
    names = sorted(path.relative_to(package).as_posix() for path in package.rglob("*.py"))
    for name in names:
        raw = (package / name).read_bytes()
        digest.update(f"{name}\0{len(raw)}\0".encode() + raw)
    return digest.hexdigest()
