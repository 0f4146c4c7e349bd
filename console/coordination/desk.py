"""What the coordinator's hands share: folders, key, journal, state, and the hosts."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from console.coordination.fold import fold
from console.coordination.paths import RunPaths
from console.coordination.planning import Inputs
from console.coordination.run_journal import RunJournal
from console.coordination.spec import RemoteHost, RunSpec
from console.coordination.state import NodeState, RunState
from console.hosts.host import Host
from runners.contract import coordinator_records as rec
from runners.contract.document import Word
from runners.contract.lane import RunContract
from runners.contract.plan import WindowPlan
from runners.contract.receipts import MembershipReceipt
from runners.records.clock import Clock
from runners.records.keys import SigningKey

WORKING_EVERY_MS = 1000
# Whether the run's own plan and membership left the lane's frozen documents; they live in a room above this one.
Drift = Callable[[WindowPlan, MembershipReceipt], tuple[rec.Finding, ...]]


def no_drift(_: WindowPlan, __: MembershipReceipt) -> tuple[rec.Finding, ...]:
    """For a coordinator that nobody gave frozen documents."""
    return ()


@dataclass
class Desk:
    """`note` is the only way to decide something: journal first, then fold."""

    spec: RunSpec
    paths: RunPaths
    key: SigningKey
    journal: RunJournal
    token: str | None  # in memory only; None once admission is over and the coordinator was restarted
    clock: Clock
    connect: Callable[[str], Awaitable[Host]]
    drain: Callable[[str], Awaitable[None]]  # read a contributor's journal to its present end
    drift: Drift = no_drift
    state: RunState = field(default_factory=RunState)
    inputs: Inputs | None = None
    plan: WindowPlan | None = None  # as bound, once it was read
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    trying_ports: asyncio.Lock = field(default_factory=asyncio.Lock)  # one host at a time connects back to our port
    bound: dict[str, bytes] = field(default_factory=dict)  # the documents that the run is bound to, as verified
    marks: dict[str, tuple[int, ...]] = field(default_factory=dict)  # of their files, when that was
    read_inbox: set[str] = field(default_factory=set)
    keeping: dict[str, asyncio.Lock] = field(default_factory=dict)  # one hand per node fetches checkpoints
    _working_at_ms: dict[str, int] = field(default_factory=dict)

    def note(self, body: Word) -> None:
        if self.state.closed:
            return  # `closed` is the last record, whatever still comes in
        self.journal.append(body)
        self.state = fold(self.state, body, self.clock.mono_ms())
        self.changed.set()

    def working(self, activity: str, node_id: str | None, done: int, total: int, detail: str = "") -> None:
        """Journal the progress of long work, at most once a second, always the last of it."""
        now = self.clock.mono_ms()
        if (
            done < total
            and now - self._working_at_ms.get(f"{activity}/{node_id}", -WORKING_EVERY_MS) < WORKING_EVERY_MS
        ):
            return
        self._working_at_ms[f"{activity}/{node_id}"] = now
        body = {"activity": activity, "node_id": node_id, "done": done, "total": total, "detail": detail}
        self.note(rec.Working.model_validate(body))

    @property
    def contract(self) -> RunContract:
        return self.spec.contract

    def node(self, node_id: str) -> NodeState:
        return self.state.nodes[node_id]

    def remote(self, node_id: str) -> RemoteHost | None:
        return next((remote for remote in self.spec.remotes if remote.node_id == node_id), None)

    async def host(self, node_id: str) -> Host:
        return await self.connect(node_id)
