"""Where the project's own data lies: inside the package in a wheel, beside it in a checkout."""

import os
from pathlib import Path


def data_dir(name: str) -> Path:
    """Folder `themes` or `fixtures`. Raises FileNotFoundError."""
    package = Path(__file__).resolve().parent
    for candidate in (package / "_data" / name, package.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"expected {name}/ beside or inside the package {package}, got neither; reinstall")


def runs_dir() -> Path:
    """`~/swarm-runs`, or SWARM_RUNS."""
    return Path(os.environ.get("SWARM_RUNS") or Path.home() / "swarm-runs").expanduser().absolute()
