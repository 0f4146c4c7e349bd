"""Where a forged run may be told otherwise than it was."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from console.validation.adapter import Adapter
from runners.contract.execution import ExecutionSettings
from runners.contract.receipts import Device, Software
from tests.checks.forged_journal import LineEdit, Said
from tests.checks.resealing import BodyEdit
from tests.checks.tiny_training import Trained

if TYPE_CHECKING:
    from tests.checks.forge import Forge

Records = list[Said]


@dataclass
class Lies:
    """Where a run may be told otherwise than it was. Everything downstream is made from what is told."""

    contract: BodyEdit | None = None
    documents: dict[str, BodyEdit] = field(default_factory=dict)  # path in the bundle -> edit before sealing
    own: dict[str, Callable[[Records], Records]] = field(default_factory=dict)  # a contributor's own records
    coordinator: Callable[[Records], Records] | None = None
    lines: dict[str, LineEdit] = field(default_factory=dict)  # journal of a node, or "coordinator"
    one_key: bool = False  # LINUX has no key of its own: one machine plays both contributors
    keys: dict[str, str] = field(default_factory=dict)  # who signs, by whose name instead
    files: dict[str, Callable[[bytes], bytes]] = field(default_factory=dict)  # artifacts as first written
    trained: Callable[["Forge", str, Trained], Trained] | None = None
    replayed: Callable[["Forge", str, Trained], Trained] | None = None
    merged: Callable[["Forge", Adapter], Adapter] | None = None
    devices: dict[str, Device] = field(default_factory=dict)
    software: dict[str, Software] = field(default_factory=dict)
    execution: dict[str, ExecutionSettings] = field(default_factory=dict)  # of a node, told everywhere
    revision: int = 0  # of a replay: it cites the one before, which `tests.checks.forged_previous` makes
    continued: bool = False  # LINUX was killed after its checkpoint in the revision before, and goes on from it
    previous: BodyEdit | None = None  # the earlier bundle's document before it is sealed and signed
    previous_plan: BodyEdit | None = None
    restart_before: str = ""  # the coordinator died before its first record of this kind, and another took over
    before_bundle: Callable[["Forge"], None] | None = None  # the run's folders as they will be copied
