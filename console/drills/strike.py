"""When a fault began, kept beside the scratch run at that moment: what follows is counted from it."""

from pathlib import Path
from typing import Literal

from runners.contract.document import Document
from runners.contract.names import Text
from runners.records.durable import read_regular, write_durable

STRIKE_FILE = "drill_strike.json"
MAX_BYTES = 16 * 1024


class DrillStrike(Document):
    schema_version: Literal["swarm.drill_strike.v1"] = "swarm.drill_strike.v1"
    what: Text
    mono_ms: int
    wall_ms: int


def keep_strike(folder: Path, what: str, mono_ms: int, wall_ms: int) -> None:
    write_durable(folder / STRIKE_FILE, DrillStrike.seal(what=what, mono_ms=mono_ms, wall_ms=wall_ms).to_bytes())


def read_strike(folder: Path) -> DrillStrike | None:
    """None until it struck. Raises ContractError, RecordsError."""
    path = folder / STRIKE_FILE
    return DrillStrike.read(read_regular(path, limit=MAX_BYTES)) if path.exists() else None
