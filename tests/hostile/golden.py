"""A retained journal as golden bytes, with the key that its run names for it."""

import json
from dataclasses import dataclass
from pathlib import Path

from runners.contract.journal import Writer

RUN = Path(__file__).resolve().parents[2] / "fixtures" / "swarm" / "runs" / "first-loopback-live-1"


@dataclass(frozen=True)
class Golden:
    writer: Writer
    public_key: str
    raw: bytes

    @property
    def lines(self) -> list[bytes]:
        return self.raw.split(b"\n")[:-1]

    @property
    def ends(self) -> list[int]:
        """Offsets past each whole line."""
        return [index + 1 for index, byte in enumerate(self.raw) if byte == 0x0A]


def golden(role: str) -> Golden:
    """The journal of the contributor behind SSH, or the coordinator's."""
    (path,) = (RUN / "journals").glob(f"swarm-{'linux' if role == 'contributor' else 'mac'}-a.{role}.*.jsonl")
    raw = path.read_bytes()
    first = json.loads(raw.split(b"\n")[0])
    writer = Writer.model_validate({name: first[name] for name in Writer.model_fields})
    if role == "coordinator":
        return Golden(writer, first["body"]["coordinator_public_key"], raw)
    report = json.loads((RUN / "reports" / f"{writer.node_id}_bringup.json").read_bytes())
    return Golden(writer, report["node_public_key"], raw)
