"""What a bare host is given: the runners' source, a checkpoint, and the list of packages that it installs itself."""

import re
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from runners.contract.canonical import canonical_bytes, sha256_hex
from runners.contract.identity import NEEDED_PACKAGES, TRAINING_PACKAGES
from runners.records.archive import pack
from runners.records.sources import source_files, sources_sha256

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Tree:
    """Files below one folder that is named by their digest: there already, or sent whole."""

    kind: str  # folder of ours on the host: "runners" or "models"
    name: str
    files: dict[str, bytes]

    @property
    def archive(self) -> bytes:
        return pack(self.files)

    @property
    def size_bytes(self) -> int:
        return sum(len(raw) for raw in self.files.values())

    def order(self, *, sent: bool) -> dict[str, Any]:
        archive = self.archive
        return {
            "kind": self.kind,
            "name": self.name,
            "sent": sent,
            "size_bytes": len(archive),
            "sha256": sha256_hex(archive),
            "files": {name: sha256_hex(raw) for name, raw in self.files.items()},
        }


@dataclass(frozen=True)
class Requirements:
    """Pinned to what this machine has; the host's pip downloads them itself."""

    lines: tuple[str, ...]
    installed_bytes: int  # of the same packages here, measured

    @property
    def venv(self) -> str:
        """Names the environment: other lines, another folder."""
        return sha256_hex(canonical_bytes(list(self.lines)))[:32]


def runners_tree() -> Tree:
    files = {f"runners/{name}": raw for name, raw in source_files().items()}
    return Tree("runners", sources_sha256(), files)


def model_tree(folder: Path) -> Tree:
    """Without hidden files: macOS' Finder leaves one where it showed a folder, and the digest would be another."""
    shown = (path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith("."))
    files = {path.name: path.read_bytes() for path in shown}
    digests = {name: sha256_hex(raw) for name, raw in files.items()}
    return Tree("models", sha256_hex(canonical_bytes(digests)), files)


def requirements(*, training: bool) -> Requirements:
    """The packages and all that they need here, without the local part of a version: "2.13.0+cpu" is this build's."""
    wanted = [*NEEDED_PACKAGES, *(TRAINING_PACKAGES if training else ())]
    found: dict[str, Distribution] = {}
    bare = [name for name in wanted if not _gather(name, found)]
    lines = [f"{name}=={dist.version.partition('+')[0]}" for name, dist in found.items()]
    size = sum(file.size or 0 for dist in found.values() for file in dist.files or ())
    return Requirements(tuple(sorted([*lines, *bare])), size)


def _gather(name: str, found: dict[str, Distribution]) -> bool:
    """`name` and its installed dependencies into `found`; False where this machine has none to take a version from."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in found:
        return True
    try:
        dist = distribution(name)
    except PackageNotFoundError:
        return False
    found[key] = dist
    for line in dist.requires or ():
        match = _NAME.match(line)
        if match and "extra ==" not in line:
            _gather(match[0], found)
    return True
