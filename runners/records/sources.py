"""The source of the runners package: what is shipped to a host, and the digest that names it on both sides."""

import hashlib
from pathlib import Path

import runners

PACKAGE = Path(runners.__file__).resolve().parent


def source_files(package: Path = PACKAGE) -> dict[str, bytes]:
    """Every `.py` file below `package` by its relative name; caches and what else may lie there don't count."""
    names = sorted(path.relative_to(package).as_posix() for path in package.rglob("*.py"))
    return {name: (package / name).read_bytes() for name in names}


def sources_sha256(package: Path = PACKAGE) -> str:
    """Over the files in the order of relative names: name, NUL, length, NUL, bytes."""
    digest = hashlib.sha256()
    for name, raw in source_files(package).items():
        digest.update(f"{name}\0{len(raw)}\0".encode() + raw)
    return digest.hexdigest()
