"""A run that was kept, ours or of the old system, as the viewer shows it: what its documents say, unverified."""

import os
from dataclasses import dataclass
from pathlib import Path

from console.evidence.kept_file import open_kept
from console.observation.plain import plain
from runners.records.errors import RecordsError

MAX_AUDIT = 200_000  # bytes


@dataclass(frozen=True, slots=True)
class Device:
    """One contributor as its run describes it; a figure that no document holds is None."""

    node_id: str
    backend: str
    device: str
    disposition: str
    replay: str
    steps: int | None
    samples: int | None
    final_loss: float | None
    train_ms: int | None
    adapter_bytes: int | None
    adapter_sha256: str
    share: float | None
    longest_gap_ms: int | None = None
    endpoint: str = ""
    caveats: tuple[str, ...] = ()  # what these figures can't mean


@dataclass(frozen=True, slots=True)
class Series:
    """Loss by step."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Event:
    wall_ms: int
    who: str
    what: str
    role: str = "text"


@dataclass(frozen=True, slots=True)
class KeptFile:
    path: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class KeptRun:
    path: Path
    kind: str  # swarm, psionic
    run_id: str
    lane: str
    classification: str
    reason: str
    promotion: str
    publish: str
    claim_boundary: str
    counts: tuple[tuple[str, int], ...]
    figures: tuple[tuple[str, str], ...]
    scores: tuple[tuple[str, float], ...]
    devices: tuple[Device, ...]
    losses: tuple[Series, ...]
    events: tuple[Event, ...]
    files: tuple[KeptFile, ...]
    audit: tuple[str, ...] = ()  # lines

    @property
    def adapters(self) -> tuple[KeptFile, ...]:
        return tuple(one for one in self.files if one.path.endswith(".safetensors"))

    @property
    def logs(self) -> tuple[KeptFile, ...]:
        return tuple(one for one in self.files if one.path.endswith((".log", ".txt")))


def audit_of(path: Path) -> tuple[str, ...]:
    """The lines of a bundle's `audit.md`, made harmless, or why there are none to read; empty without such a file."""
    try:
        with os.fdopen(open_kept(path / "audit.md"), "rb") as stream:
            raw = stream.read(MAX_AUDIT)
    except (RecordsError, OSError) as error:
        return (plain(f"not read: {error}"),) if os.path.lexists(path / "audit.md") else ()
    return tuple(plain(line, 2000) for line in raw.decode(errors="replace").splitlines())


def files_of(path: Path) -> tuple[KeptFile, ...]:
    """Every plain file beneath, sorted; links are not followed. At most 10 000."""
    found: list[KeptFile] = []
    for folder, _, leaves in os.walk(path, followlinks=False):
        for leaf in leaves:
            place = Path(folder, leaf)
            if place.is_file() and not place.is_symlink() and len(found) < 10_000:
                found.append(KeptFile(place.relative_to(path).as_posix(), place.stat().st_size))
    return tuple(sorted(found, key=lambda one: one.path))
