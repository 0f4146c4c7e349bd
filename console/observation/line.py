"""One verified journal line, stamped with when and how the console came to hold it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import to_json

from runners.contract.coordinator_records import COORDINATOR_BODIES
from runners.contract.document import Word
from runners.contract.node_records import NODE_BODIES


class Proof(StrEnum):
    """SIGNED: chain and own signature checked. CHAINED: the hash chain leads to a later line that is SIGNED."""

    SIGNED = "signed"
    CHAINED = "chained"


class Stamp(NamedTuple):
    """A moment by the clocks of one host."""

    wall_ms: int
    mono_ms: int


class Ref(NamedTuple):
    """Where the evidence lies: a line of a journal file."""

    file: str
    seq: int
    offset: int
    size: int  # bytes without the LF


class Line(NamedTuple):
    """`body` is None when it isn't what the kind promises; `flaw` then says why. `arrival_ms` is the console's own."""

    ref: Ref
    sha256: str
    run_id: str
    node_id: str
    role: str
    revision: int
    epoch: int
    kind: str
    at: Stamp
    body: Word | None
    flaw: str
    proof: Proof
    arrival_ms: int
    order_ms: int  # wall clock of the writer, kept in the order of its journal and near the console's own

    @property
    def from_coordinator(self) -> bool:
        return self.role == "coordinator"


@dataclass(frozen=True, slots=True)
class JournalFinding:
    """A journal that stopped being what it claims; nothing after `offset` is used."""

    file: str
    offset: int
    what: str
    wall_ms: int


def read_body(role: str, kind: str, body: Any) -> tuple[Word | None, str]:
    """The typed body, or None and the reason."""
    bodies = COORDINATOR_BODIES if role == "coordinator" else NODE_BODIES
    model = bodies.get(kind)
    if model is None:
        return None, f"unknown kind for a {role}"
    try:
        # As `model_validate_json`, without its own frames; to_json is ten times faster than the json module.
        return model.__pydantic_validator__.validate_json(to_json(body)), ""
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        return None, f"{where}: {first['msg']}"
