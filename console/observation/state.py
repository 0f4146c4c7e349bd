"""What a run's records add up to. Frozen; every field is set by the records of one writer, so that the order in which
journals of different writers are read changes nothing."""

from dataclasses import dataclass, field

from console.observation.line import JournalFinding, Ref, Stamp
from runners.contract.coordinator_records import (
    BringupReceived,
    BringupRefused,
    Closed,
    ContributionJudged,
    DriftFound,
    Merged,
    NodeCard,
    PromotionDecided,
    ReplayJudged,
    ReplayOutlook,
    SkewMeasured,
    SubmissionJudged,
    Working,
)
from runners.contract.lane import Policies
from runners.contract.node_records import AcceleratorRead
from runners.contract.receipts import HeldOutScore
from runners.contract.states import Departure, LinkState, Phase, RunnerState, WindowState

SERIES = 240  # losses and beats kept for drawing: four minutes at one beat per second


@dataclass(frozen=True, slots=True)
class Link:
    """The coordinator's fact about the way to a host."""

    state: LinkState = LinkState.UNKNOWN
    reason: str = ""
    endpoint: str = ""
    rtt_ms: float | None = None
    since: Stamp | None = None


@dataclass(frozen=True, slots=True)
class Runner:
    """The coordinator's fact about the process on a host: LIVE, STALE and LOST are its words alone."""

    state: RunnerState = RunnerState.ABSENT
    since: Stamp | None = None
    cause: str = ""
    departure: Departure | None = None
    ref: Ref | None = None
    gone: "tuple[Stamp, Ref] | None" = None  # first called stale or lost: what the window's reason speaks of


@dataclass(frozen=True, slots=True)
class Work:
    """What a contributor says of itself, in its newest revision and epoch."""

    revision: int = -1
    epoch: int = -1
    phase: Phase | None = None
    stage: str = ""
    stage_done: int = 0
    stage_total: int = 0
    stage_unit: str = ""
    step: int = 0
    steps: int = 0
    beat: int = 0
    loss: float | None = None
    step_ms: float | None = None
    memory_bytes: int = 0
    memory_total_bytes: int = 0
    accelerator: AcceleratorRead | None = None  # its last reading; of a host that computes on a processor there is none
    accelerator_at: Stamp | None = None
    losses: tuple[float, ...] = ()
    beats: tuple[int, ...] = ()  # wall clock of the writer, ms
    began: Stamp | None = None
    ready: Stamp | None = None
    produced: Stamp | None = None
    produced_ref: Ref | None = None
    failed: str = ""
    exited: str = ""
    said: tuple[str, ...] = ()  # its log records and failures, the newest last
    device_label: str = ""
    device_name: str = ""
    # When the console came to hold the last beat, by its own monotonic clock: no part of what the run is.
    arrival_ms: int | None = field(default=None, compare=False)
    last_beat: Stamp | None = None
    progressed: Stamp | None = None  # the first beat of its newest step or phase
    beat_ref: Ref | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A body of the coordinator about one host, with its place and time."""

    at: Stamp
    ref: Ref


@dataclass(frozen=True, slots=True)
class Submission(Judged):
    body: SubmissionJudged


@dataclass(frozen=True, slots=True)
class Replay(Judged):
    body: ReplayJudged


@dataclass(frozen=True, slots=True)
class Judgement(Judged):
    body: ContributionJudged


@dataclass(frozen=True, slots=True)
class Bringup(Judged):
    body: BringupReceived | BringupRefused


@dataclass(frozen=True, slots=True)
class Admission(Judged):
    admitted: bool
    reason: str
    detail: str
    custody: str


@dataclass(frozen=True, slots=True)
class Trouble(Judged):
    """A failure that the coordinator named."""

    kind: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Host:
    node_id: str
    card: NodeCard | None = None
    public_key: str | None = None
    bringup: Bringup | None = None
    admission: Admission | None = None
    link: Link = Link()
    links: tuple[Link, ...] = ()  # every change of it, the newest last
    runner: Runner = Runner()
    launched_revision: int = -1
    launched: Stamp | None = None
    ready: Stamp | None = None  # the coordinator's sight of it
    kept_step: int | None = None  # of the last training checkpoint that the coordinator holds
    seen: Stamp | None = None  # the coordinator's sight of `produced`
    submission: Submission | None = None
    replay: Replay | None = None
    judgement: Judgement | None = None
    trouble: Trouble | None = None
    released: bool = False
    work: Work = Work()


@dataclass(frozen=True, slots=True)
class StateChange:
    before: WindowState
    after: WindowState
    reason: str
    at: Stamp
    ref: Ref


@dataclass(frozen=True, slots=True)
class OperatorAct:
    wall_ms: int
    command: str
    reason: str


@dataclass(frozen=True, slots=True)
class Doing:
    """Long work of the coordinator; its newest figures, and when it began. Over when its outcome is journaled."""

    body: Working
    since: Stamp


@dataclass(frozen=True, slots=True)
class Bound(Judged):
    plan_digest: str
    membership_digest: str


@dataclass(frozen=True, slots=True)
class Drift(Judged):
    body: DriftFound


@dataclass(frozen=True, slots=True)
class Outlook(Judged):
    """The coordinator's word on whether the slices can be done again."""

    body: ReplayOutlook


@dataclass(frozen=True, slots=True)
class State:
    run_id: str = ""
    lane_id: str = ""
    contract_digest: str = ""
    coordinator_node: str = ""
    operator_key: str = ""
    coordinator_pid: int = 0
    takeovers: int = 0
    policies: Policies | None = None
    steps: int = 0
    opened: Stamp | None = None
    last: Stamp | None = None  # the coordinator's last record
    window: WindowState = WindowState.PLANNED
    window_reason: str = ""
    changes: tuple[StateChange, ...] = ()
    active_since: Stamp | None = None
    hosts: tuple[Host, ...] = ()
    bound: Bound | None = None
    drift: Drift | None = None  # the first; what comes later is no reason any more
    outlook: Outlook | None = None
    skew: SkewMeasured | None = None
    scores: tuple[HeldOutScore, ...] = ()
    scored: Stamp | None = None
    work_failed: str = ""
    doing: tuple[Doing, ...] = ()  # the coordinator's own long work
    merged: Merged | None = None
    promotion: PromotionDecided | None = None
    closed: Closed | None = None
    closed_at: Stamp | None = None
    gaps_ms: tuple[int, ...] = ()
    acts: tuple[OperatorAct, ...] = ()
    findings: tuple[JournalFinding, ...] = ()
    records: int = 0

    def host(self, node_id: str) -> Host | None:
        return next((host for host in self.hosts if host.node_id == node_id), None)

    @property
    def skew_bound_ms(self) -> int | None:
        """How long who is done waits for who isn't: past the bound the coordinator waits once more."""
        if self.policies is None:
            return None
        again = self.skew is not None and self.skew.outcome == "past_bound_waiting"
        return self.policies.skew_ms + (self.policies.skew_wait_ms if again else 0)

    @property
    def window_since(self) -> Stamp | None:
        return self.changes[-1].at if self.changes else self.opened

    @property
    def revision(self) -> int:
        return max((host.launched_revision for host in self.hosts), default=-1)
