"""What was heard of a scratch run so far, as the story that its expectation is held against."""

from dataclasses import dataclass, field

from console.drills.matching import Seen, Story
from console.observation.line import Line


@dataclass
class Heard:
    """`node_id` is the node that the fault strikes."""

    node_id: str
    records: list[Seen] = field(default_factory=list)
    beats_ms: list[int] = field(default_factory=list)

    def take(self, line: Line) -> None:
        if line.from_coordinator and line.body is not None:
            self.records.append(Seen(line.kind, line.body.to_json(), line.at.mono_ms))
        elif line.node_id == self.node_id and line.kind == "heartbeat":
            self.beats_ms.append(line.at.mono_ms)

    @property
    def last(self) -> str:
        return self.records[-1].kind if self.records else ""

    def story(self, struck_ms: int | None) -> Story:
        return Story(tuple(self.records), tuple(self.beats_ms), struck_ms)
