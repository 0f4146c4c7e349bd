"""A window without hosts: the coordinator's pure rules, driven by hand, with what its hands would have journaled."""

from dataclasses import dataclass, field
from typing import Any

from console.coordination.arrivals import arrive
from console.coordination.decide import decide
from console.coordination.due import Command, due
from console.coordination.fold import fold
from console.coordination.restore import restored
from console.coordination.run_journal import KINDS
from console.coordination.state import NodeState, RunState
from runners.contract import coordinator_records as rec
from runners.contract import node_records as node_rec
from runners.contract.document import Word
from runners.contract.journal import Head, JournalRecord
from runners.contract.lane import Policies
from runners.contract.plan import OUTBOX_FILES, FileRef, UploadIdentity, UploadManifest
from runners.contract.receipts import Device, GateValue, HeldOutScore
from runners.contract.states import Phase, ReplayOutcome, WindowState
from tests.execution_settings import EXECUTION

H = "a" * 64
LABEL = "open_adapter_backend.torch.cpu.gpt_oss_lm_head"
POLICIES = Policies(
    heartbeat_ms=1000,
    stale_ms=5000,
    loss_ms=7500,
    skew_ms=15000,
    skew_wait_ms=15000,
    contact_ms=30000,
    prepare_ms=300000,
    fetch_ms=60000,
    replay_ms=600000,
    max_revisions=2,
)
DEVICE = Device(
    backend_label=LABEL, kind="cpu", device_label="cpu:0", name="cpu", memory_total_bytes=1, threads=1, blas="none",
    tf32=False,
)  # fmt: skip
NODE_KINDS = {cls: kind for kind, cls in node_rec.NODE_BODIES.items()}


def opened(nodes: int) -> rec.RunOpened:
    cards = tuple(
        rec.NodeCard(node_id=f"n{k}", roles=("contributor",), backend="torch", transport="ssh", contract_endpoint="h:1")
        for k in range(nodes)
    )
    return rec.RunOpened(
        lane_id="lane", contract_digest=H, contributors=cards, policies=POLICIES, steps=3,
        coordinator_public_key=H, operator_public_key=H, pid=1,
    )  # fmt: skip


def manifest(node_id: str) -> UploadManifest:
    identity = UploadIdentity(
        run_id="r", window_id="w", node_id=node_id, revision=0, head_sha256=H, slice_sha256=H,
        initial_adapter_sha256=H, rank=2, alpha=4.0,
    )  # fmt: skip
    return UploadManifest.seal(files=OUTBOX_FILES, tensors=(), identity=identity)


def beat(number: int = 1) -> node_rec.Heartbeat:
    return node_rec.Heartbeat(
        beat=number, phase=Phase.TRAINING, step=1, steps=3, samples=1, loss=1.0, step_ms=1.0, memory_bytes=1,
        memory_total_bytes=2,
    )  # fmt: skip


def ready(label: str = LABEL) -> node_rec.Ready:
    device = DEVICE.model_copy(update={"backend_label": label})
    return node_rec.Ready(
        device=device, head_sha256=H, slice_sha256=H, initial_adapter_sha256=H, execution=EXECUTION, start=None
    )


def produced(node_id: str) -> node_rec.Produced:
    files = tuple(FileRef(name=name, size_bytes=1, sha256=H) for name in OUTBOX_FILES)
    return node_rec.Produced(manifest=manifest(node_id), files=files, receipt_digest=H)


BEGAN = node_rec.Began(begin_digest=H)
FINDING = rec.Finding(rule="rule", expected="this", got="that")


def head(node_id: str, seq: int) -> Head:
    return Head(file=f"{node_id}.contributor.r0.e0.jsonl", offset=100 * (seq + 1), sha256=H, next_seq=seq + 1)


def line(node_id: str, body: Word | None, seq: int, *, kind: str | None = None) -> JournalRecord:
    return JournalRecord(
        run_id="r", node_id=node_id, role="contributor", revision=0, epoch=0, seq=seq,
        kind=kind or NODE_KINDS[type(body or BEGAN)], wall_ms=seq, mono_ms=seq,
        body=body.to_json() if body else {"x": 1}, prev=H, sig="0" * 128,
    )  # fmt: skip


@dataclass
class Window:
    """`past` is the coordinator's journal, `said` the contributors' (the mirrors), as after a crash."""

    nodes: int = 2
    now: int = 1_000_000
    epoch: int = 0
    past: list[JournalRecord] = field(default_factory=list)
    said: dict[str, list[JournalRecord]] = field(default_factory=dict)
    state: RunState = field(default_factory=RunState)

    def __post_init__(self) -> None:
        self.note(opened(self.nodes))
        self.settle()

    # --- what the coordinator does -----------------------------------------------------------------------------

    def note(self, body: Word) -> None:
        assert not self.state.closed, f"{type(body).__name__} after closed"
        self.past.append(self._record(body))
        self.state = fold(self.state, body, self.now)

    def _record(self, body: Word) -> JournalRecord:
        return JournalRecord(
            run_id="r", node_id="n0", role="coordinator", revision=0, epoch=self.epoch, seq=len(self.past),
            kind=KINDS[type(body)], wall_ms=self.now, mono_ms=self.now, body=body.to_json(), prev=H, sig="0" * 128,
        )  # fmt: skip

    def settle(self) -> list[Word]:
        """Decide until nothing is left to decide."""
        decisions = []
        while (decision := decide(self.state, self.now)) is not None:
            self.note(decision)
            decisions.append(decision)
            assert len(decisions) < 100, "decides without end"
        return decisions

    def crash(self) -> None:
        """A new coordinator: the journal, then the mirrors, then whatever they still mean."""
        self.epoch += 1
        self.state = restored(self.past, self.now)
        if self.state.closed:
            return  # nothing may follow the last record: `coordinate` opens no journal any more
        self.note(rec.EpochOpened(pid=2, previous_file="f", previous_tail=H, gap_ms=0))
        self.hear_again()

    def hear_again(self) -> None:
        """The mirrors, from their start."""
        for node_id, lines in self.said.items():
            heard_ms = self.state.nodes[node_id].last_beat_ms
            for record in lines:
                self._arrive(record, self.now if heard_ms is None else heard_ms)

    # --- what happens to it ------------------------------------------------------------------------------------

    def after(self, ms: int) -> list[Word]:
        self.now += ms
        return self.settle()

    def say(self, node_id: str, body: Word | None, *, kind: str | None = None) -> list[Word]:
        lines = self.said.setdefault(node_id, [])
        lines.append(line(node_id, body, len(lines), kind=kind))
        self._arrive(lines[-1], self.now)
        return self.settle()

    def _arrive(self, record: JournalRecord, at_ms: int) -> tuple[Word, ...]:
        self.state, records = arrive(self.state, record.node_id, record, head(record.node_id, record.seq), at_ms)
        for body in records:
            self.note(body)
        return records

    def stop(self, reason: str = "enough") -> list[Word]:
        self.note(rec.OperatorActed(command_id="c1", command="stop", command_digest=H, reason=reason))
        return self.settle()

    def set(self, node_id: str, **facts: Any) -> None:
        """What the coordinator observed without a record, e.g. `proven_dead`."""
        self.state = self.state.with_node(node_id, **facts)

    # --- looking at it -----------------------------------------------------------------------------------------

    @property
    def due(self) -> frozenset[Command]:
        return due(self.state, self.now)

    @property
    def window(self) -> WindowState:
        return self.state.window

    def node(self, node_id: str) -> NodeState:
        return self.state.nodes[node_id]

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(sorted(self.state.nodes))

    def bodies(self, cls: type[Word]) -> list[Any]:
        kind = KINDS[cls]
        return [cls.model_validate_json(_json(record)) for record in self.past if record.kind == kind]

    # --- the work, done well -----------------------------------------------------------------------------------

    def do(self, command: Command) -> list[Word]:
        """What the coordinator's hands would journal when all goes well."""
        for body in GOOD[command.kind](command.node_id or "", self):
            self.note(body)
        return self.settle()

    def do_all(self, *kinds: str) -> None:
        for kind in kinds:
            for command in sorted((c for c in self.due if c.kind == kind), key=lambda c: c.node_id or ""):
                self.do(command)

    def to_preparing(self) -> "Window":
        self.do_all("inputs", "admit_host", "bind_plan", "prepare_host")
        return self

    def to_active(self) -> "Window":
        self.to_preparing()
        for node_id in self.ids:
            self.say(node_id, ready())
        self.do_all("open_window")
        for node_id in self.ids:
            self.say(node_id, BEGAN)
        return self

    def to_validating(self) -> "Window":
        self.to_active()
        for node_id in self.ids:
            self.say(node_id, produced(node_id))
        self.do_all("fetch")
        return self

    def to_end(self) -> "Window":
        """Release whoever is still held, as long as time passes."""
        for _ in range(200):
            if self.state.closed:
                return self
            for command in [c for c in self.due if c.kind == "release"]:
                self.do(command)
            self.after(1000)
        raise AssertionError(f"never closed: {self.window} {self.due}")


def _json(record: JournalRecord) -> bytes:
    from runners.contract.canonical import canonical_bytes

    return canonical_bytes(record.body)


def bringup(node_id: str) -> rec.BringupReceived:
    return rec.BringupReceived(
        node_id=node_id, disposition="ready_to_attempt", reasons=(), report_digest=H, backend_label=LABEL,
        device_label="cpu:0", device_name="cpu", node_public_key=H,
    )  # fmt: skip


def admission(node_id: str, outcome: str = "admitted") -> rec.AdmissionDecided:
    body = {
        "node_id": node_id, "outcome": outcome, "reason": "reason", "detail": "", "token_custody": "proved",
        "receipt_digest": H, "node_public_key": H,
    }  # fmt: skip
    return rec.AdmissionDecided.model_validate(body)


def launched(node_id: str) -> rec.Launched:
    return rec.Launched(
        node_id=node_id, revision=0, epoch=0, pid=7, process_started_ms=1, journal=f"{node_id}.contributor.r0.e0.jsonl"
    )


def submission(node_id: str, reason: str = "as_planned") -> rec.SubmissionJudged:
    good = reason == "as_planned"
    return rec.SubmissionJudged(
        node_id=node_id, outcome="received" if good else "rejected", reason=reason, findings=() if good else (FINDING,),
        manifest_digest=H, adapter_sha256=H, size_bytes=1, fetch_ms=1,
    )  # fmt: skip


def replay(node_id: str, outcome: ReplayOutcome = ReplayOutcome.EXACT) -> rec.ReplayJudged:
    return rec.ReplayJudged(
        node_id=node_id, outcome=outcome, backend_label=LABEL, relative_difference=0.0, relative_bound=1e-4,
        max_loss_difference=0.0, loss_bound=1e-4, segments=1, exact_segments=1, receipt_digest=H,
        replayed_sha256=H, detail="",
    )  # fmt: skip


def promotion(disposition: str = "promoted") -> rec.PromotionDecided:
    gate = GateValue(gate="held_out_improvement", passed=disposition == "promoted", value="v", threshold="t")
    body = {
        "disposition": disposition, "gates": (gate,), "publish_disposition": "refused", "publish_reason": "never",
        "receipt_digest": H,
    }  # fmt: skip
    return rec.PromotionDecided.model_validate(body)


GOOD: dict[str, Any] = {
    "inputs": lambda _, w: [
        rec.InputsPrepared(
            reused=True, head_sha256=H, train_samples=1, train_tokens=1, held_out_samples=1, held_out_tokens=1
        )
    ],
    "admit_host": lambda n, w: [*([] if w.node(n).bringup else [bringup(n)]), admission(n)],
    "bind_plan": lambda _, w: [rec.PlanBound(plan_digest=H, membership_digest=H)],
    "prepare_host": lambda n, w: [
        *([] if w.node(n).shipped else [rec.Shipped(node_id=n, archive_sha256=H, size_bytes=1, reused=False)]),
        launched(n),
    ],
    "open_window": lambda _, w: [rec.WindowOpened(begin_digest=H)],
    "begin": lambda n, w: [],
    "check_alive": lambda n, w: [],
    "fetch": lambda n, w: [submission(n)],
    "replay": lambda n, w: [replay(n)],
    "merge": lambda _, w: [rec.Merged(report_digest=H, merged_sha256=H, rank=4, contributions=())],
    "score": lambda _, w: [
        rec.Scored(scores=(HeldOutScore(subject="base", mean_loss=1.0, tokens=1),), receipt_digest=H)
    ],
    "promote": lambda _, w: [promotion()],
    "release": lambda n, w: [rec.Released(node_id=n, proven_dead=True, detail="")],
}
