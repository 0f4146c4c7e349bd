"""What a host said of itself (runners/bootstrap/look.py and forget.py): strict, bounded, and hostile until checked."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from console.hosts.host_book import HostPath
from runners.contract.document import Word
from runners.contract.names import Text


class Gpus(Word):
    lines: tuple[Text, ...] = ()  # name, driver, memory, as nvidia-smi prints them
    trouble: Text | None = None


class Held(Word):
    """Names of what earlier contacts left there."""

    runners: tuple[Text, ...]
    models: tuple[Text, ...]
    venvs: tuple[Text, ...]


class Sight(Word):
    python: tuple[int, int, int]
    executable: HostPath
    venv: bool  # can it make a virtual environment with pip?
    system: Text
    machine: Text
    home: HostPath
    directory: HostPath
    directory_trouble: Text | None
    disk_free_bytes: int
    inodes_free: int | None
    memory_bytes: int
    gpus: Gpus | None
    ports: dict[str, Text | None]  # why one isn't free
    versions: dict[str, Text | None]
    systemd_user: bool
    model_trouble: Text | None  # why the checkpoint that was asked about can't be one
    held: Held
    wall_ms: int


class Told(Word):
    """One line of forget.py: a folder that is there, or that was removed; at the end what else lies beside it."""

    step: Literal["found", "removed", "done"]
    kind: Literal["runners", "models", "venvs"] | None = None
    name: Text | None = None
    files: Annotated[int, Field(ge=0)] = 0
    size_bytes: Annotated[int, Field(ge=0)] = 0
    stays: tuple[Text, ...] = ()


@dataclass(frozen=True)
class Look:
    """`noise` is what the login shell printed unasked; `offset_ms` its clock minus ours, give or take `rtt_ms`."""

    sight: Sight | None  # None: no Python 3 there
    noise: str
    offset_ms: int
    rtt_ms: float
