"""A desk without hosts, folders or journal: only what one try at a piece of work asks of it."""

import asyncio
from types import SimpleNamespace

from runners.contract.document import Word
from runners.records.clock import Clock
from tests.coordination.window import POLICIES


class BareDesk:
    def __init__(self) -> None:
        self.now, self.noted, self.changed = 0, list[Word](), asyncio.Event()
        self.clock = Clock(mono_ms=lambda: self.now)
        self.contract = SimpleNamespace(policies=POLICIES)
        self.state = SimpleNamespace(closed=False)

    def note(self, body: Word) -> None:
        self.noted.append(body)
