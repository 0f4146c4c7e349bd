"""A card that isn't there: the stand-in for NVML, its file, and the process that asks it."""

import json
import os
from pathlib import Path
from typing import Any

from runners.process.card_asker import teller
from tests.process.sampled import SAMPLES

H100, RTX_4080 = "9a0b1c2d-0000-4111-8222-333344445555", "1b2c3d4e-0000-4111-8222-333344445555"
NAME_4080 = "NVIDIA GeForce RTX 4080"
REPOSITORY, STANDIN = Path(__file__).resolve().parents[2], Path(__file__).parent / "standin"


class StandInCard:
    """Its file; a change is whole before anyone reads it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "nvml.json"
        self.told: dict[str, Any] = json.loads((SAMPLES / "authored_busy_cards" / "nvml_now.json").read_text())
        self.change()

    def change(self, **changes: Any) -> None:
        self.told |= changes
        draft = self.path.with_suffix(".new")
        draft.write_text(json.dumps(self.told))
        draft.replace(self.path)

    @property
    def argv(self) -> tuple[str, ...]:
        """The real process over the stand-in."""
        path = os.pathsep.join((str(STANDIN), str(REPOSITORY)))
        return ("/usr/bin/env", f"PYTHONPATH={path}", f"STANDIN_NVML={self.path}", *teller(RTX_4080, NAME_4080))
