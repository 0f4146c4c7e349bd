"""Which lane is started, and how each of its hosts is reached: interface, kind of network, and what came of a try."""

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from console.tui.drawing.lane import Choice, lane_rows
from console.tui.drawing.text import Row
from console.tui.errors import ActRefused
from console.tui.keys import HERE, key
from console.tui.screens.fixed import Leaf
from console.tui.view import View
from console.tui.widgets.lines import FixedLines

if TYPE_CHECKING:
    from console.hosts.endpoints import Endpoint, Tried
    from runners.contract.lane import RunContract


class LanePage(Leaf):
    """Enter on a lane chooses it, enter on an endpoint chooses that; `v` tries every endpoint again."""

    TITLE_TEXT = "lanes"
    CURSOR = True
    BINDINGS: ClassVar[list[BindingType]] = [
        key("v", "try_all", "try again", "lane.try", "every endpoint again; a known host is logged in to", HERE),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._contracts: dict[str, RunContract | str] = {}
        self._endpoints: tuple[Endpoint, ...] = ()
        self._tried: dict[Endpoint, Tried | None] = {}
        self._choices: tuple[Choice, ...] = ()

    def on_mount(self) -> None:
        offered = "<lines.open> chooses · <lane.try> tries the endpoints again · <leaf.back> back"
        self.query_one(FixedLines).offer(offered)
        self._load()
        self.action_try_all()

    def _load(self) -> None:
        acts = self.app.desk.acts
        for lane in acts.lanes():
            try:
                self._contracts[lane] = acts.contract(lane)
            except ActRefused as error:
                self._contracts[lane] = str(error)
        try:
            self._endpoints = acts.endpoints(acts.lane)
        except ActRefused as error:
            self.app.notice(f"✗ {error}", "bad")

    def action_try_all(self) -> None:
        self._tried = dict.fromkeys(self._endpoints)
        for endpoint in self._endpoints:
            self.run_worker(self._try(endpoint), group="endpoints", exit_on_error=False)
        self.app.touch()

    async def _try(self, endpoint: "Endpoint") -> None:
        from console.hosts.endpoints import network_of, try_endpoint

        managed = endpoint.origin == "lane" and network_of(endpoint.host) == "this machine"
        self._tried[endpoint] = await asyncio.to_thread(lambda: try_endpoint(endpoint, managed=managed))
        self.app.touch()

    def rows(self, view: View, width: int) -> tuple[Row, ...]:  # noqa: ARG002
        acts = self.app.desk.acts
        rows, self._choices = lane_rows(self._contracts, acts.lane, acts.way, self._tried, width)
        starts = (k for k, choice in enumerate(self._choices) if choice and self._choices.index(choice) == k)
        self.query_one(FixedLines).stops = tuple(starts)
        return rows

    def on_line_view_chosen(self, event: FixedLines.Chosen) -> None:
        event.stop()
        choice = self._choices[event.index] if event.index < len(self._choices) else None
        reason = self.app.reason_against("app.lane")
        if choice is None:
            self.app.notice(self.told("<lines.open> on a lane, or on an endpoint, chooses it"))
        elif reason is not None:
            self.app.notice(f"× lane: {reason}", "warn")
        else:
            self.run_worker(self._choose(choice), group="choose", exit_on_error=False)

    async def _choose(self, choice: "str | Endpoint") -> None:
        if not isinstance(choice, str):
            await self.app.choose_endpoint(choice)
        elif await self.app.choose_lane(choice):
            self._load()
            self.action_try_all()
