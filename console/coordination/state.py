"""What the coordinator holds true: a frozen value, built only by folding records and arrivals."""

from dataclasses import dataclass, field, replace

from runners.contract.coordinator_records import (
    AdmissionDecided,
    AgentStarted,
    BringupReceived,
    CheckpointKept,
    ContributionSeen,
    Launched,
    Merged,
    NodeCard,
    PlanBound,
    PromotionDecided,
    ReplayJudged,
    ReplayOutlook,
    RunOpened,
    Scored,
    SkewMeasured,
    SubmissionJudged,
    WindowChanged,
)
from runners.contract.journal import Head
from runners.contract.lane import Policies
from runners.contract.plan import CheckpointRef
from runners.contract.states import Classification, Departure, Disposition, LinkState, RunnerState, WindowState

EXITS = frozenset(
    {
        WindowState.REFUSED,
        WindowState.REPLAY_REQUIRED,
        WindowState.REJECTED,
        WindowState.WAIT_THEN_REPLAY,
        WindowState.ABORTED,
        WindowState.HELD,
        WindowState.PROMOTED,
    }
)

SLOW_LOOP = "slow_loop"  # cause of the observer gaps that are credited


@dataclass(frozen=True)
class Trouble:
    """Why a node can't go on: the first reason stays."""

    reason: str
    detail: str
    classification: Classification
    exit: WindowState


@dataclass(frozen=True)
class NodeState:
    """Two facts that are never one: the link, and the runner."""

    card: NodeCard
    agent: AgentStarted | None = None
    link: LinkState = LinkState.UNKNOWN
    endpoint: str = "not_observed"
    bringup: BringupReceived | None = None
    admission: AdmissionDecided | None = None
    shipped: bool = False
    launched: Launched | None = None
    launched_at_ms: int | None = None
    ready: bool = False
    began: bool = False
    runner: RunnerState = RunnerState.ABSENT
    departure: Departure | None = None
    was_stale: bool = False  # stays: heartbeats that come back don't undo it
    fell: str = ""  # why it was found stale, or lost without that
    last_beat_ms: int | None = None  # arrival, coordinator's monotonic clock
    announced: tuple[tuple[CheckpointRef, Head], ...] = ()  # journaled by the contributor, each once, by step
    kept: tuple[CheckpointKept, ...] = ()  # of these, what was fetched and is sound
    seen: ContributionSeen | None = None
    seen_at_ms: int | None = None
    submission: SubmissionJudged | None = None
    replay: ReplayJudged | None = None
    disposition: Disposition = Disposition.PENDING
    trouble: Trouble | None = None
    released: bool = False
    exited: bool = False  # the runner journaled its own end
    proven_dead: bool = False
    death: str = ""  # what its host could tell of it
    head: Head | None = None

    @property
    def node_id(self) -> str:
        return self.card.node_id

    @property
    def may_run(self) -> bool:
        """A process of it may exist: a launch is asked for as soon as its files are there."""
        return self.shipped or self.launched is not None

    @property
    def outstanding(self) -> tuple[tuple[CheckpointRef, Head], ...]:
        """Checkpoints that it journaled and nobody has fetched yet."""
        steps = {kept.checkpoint.step for kept in self.kept}
        return tuple((ref, head) for ref, head in self.announced if ref.step not in steps)

    @property
    def under_bounds(self) -> bool:
        """Its heartbeats still decide something."""
        watched = self.runner in (RunnerState.LIVE, RunnerState.STALE) and self.last_beat_ms is not None
        return watched and not (self.seen or self.trouble or self.released)


@dataclass(frozen=True)
class RunState:
    """One window of one run. Works for any number of required contributors; the frozen lane has two."""

    opened: RunOpened | None = None
    revision: int = 0
    window: WindowState = WindowState.PLANNED
    reason: str = ""
    nodes: dict[str, NodeState] = field(default_factory=dict)  # never mutated: `with_node` copies
    inputs_ready: bool = False
    plan: PlanBound | None = None
    begin_digest: str | None = None
    late_ms: int = 0  # of the coordinator itself, all in all: what silence of others may be by its own doing
    skew: SkewMeasured | None = None
    merged: Merged | None = None
    scored: Scored | None = None
    promotion: PromotionDecided | None = None
    outlook: ReplayOutlook | None = None  # where the attempt ended for want of a contributor
    exit: WindowState | None = None  # how the window ended, remembered past `closed`
    stop_reason: str | None = None
    commands: frozenset[str] = frozenset()
    trouble: Trouble | None = None  # of the coordinator's own work
    classification: Classification | None = None

    @property
    def closed(self) -> bool:
        return self.classification is not None

    @property
    def ended(self) -> bool:
        return self.exit is not None

    @property
    def awaiting_bounds(self) -> bool:
        """A replay is needed already, but how the node departed is not decided yet."""
        return self.exit is WindowState.REPLAY_REQUIRED and any(
            node.under_bounds and node.runner is RunnerState.STALE for node in self.nodes.values()
        )

    @property
    def policies(self) -> Policies:
        """Of the contract that the run was opened under."""
        assert self.opened is not None
        return self.opened.policies

    @property
    def in_order(self) -> tuple[NodeState, ...]:
        """By name, so that a rule speaks of the same node first whatever came first."""
        return tuple(self.nodes[node_id] for node_id in sorted(self.nodes))

    def move(self, after: WindowState, reason: str) -> WindowChanged:
        """The record of the window's next move; it cites how far each journal had been read."""
        return WindowChanged(before=self.window, after=after, reason=reason[:2000], heads=self.heads)

    @property
    def heads(self) -> tuple[Head, ...]:
        return tuple(node.head for node in self.in_order if node.head is not None)

    def with_node(self, node_id: str, **changes: object) -> "RunState":
        node = replace(self.nodes[node_id], **changes)  # type: ignore[arg-type]  # names are checked by `replace`
        return replace(self, nodes={**self.nodes, node_id: node})

    def every(self, what: str) -> bool:
        """Does every required contributor have `what`?"""
        return bool(self.nodes) and all(getattr(node, what) for node in self.nodes.values())
