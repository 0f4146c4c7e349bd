"""Link states as somebody saw them."""

import asyncio

from console.hosts.host import LinkState
from tests.patience import PATIENCE_S


class Seen:
    """Link states in order, and a way to wait for the next of a kind."""

    def __init__(self) -> None:
        self.states: list[LinkState] = []
        self._news = asyncio.Event()

    def __call__(self, state: LinkState) -> None:
        self.states.append(state)
        self._news.set()

    async def until(self, up: bool) -> LinkState:
        async with asyncio.timeout(PATIENCE_S):
            while not self.states or self.states[-1].up is not up:
                self._news.clear()
                await self._news.wait()
        return self.states[-1]
