"""Writes run folders with real signed journals: recorded once on a clock of its own, then laid down up to any moment.

The records are made up; keys, chains, signatures and forms are the real ones, so every reader has to verify them.
"""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.evidence.models import BUNDLE_FILE, RealRunBundle
from runners.contract import coordinator_records as coord
from runners.contract import node_records as node
from runners.contract.document import Word
from runners.contract.journal import SIGNING_PREFIX, Head, Writer, start_of
from runners.contract.lane import Policies
from runners.contract.plan import FileRef, TensorShape, UploadIdentity, UploadManifest
from runners.contract.receipts import Device, GateValue, HeldOutScore, MergedContribution
from runners.contract.states import (
    Classification,
    Departure,
    Disposition,
    LinkState,
    Phase,
    ReplayOutcome,
    RunnerState,
    WindowState,
)
from runners.records.clock import Clock
from runners.records.journal_file import JournalFile
from runners.records.keys import SigningKey

RUN_ID = "first-swarm-live-20261123T134500Z"
WALL_0 = 1_795_441_500_000  # 2026-11-23 13:45:00 UTC
MONO_0 = 90_000_000
MAC, LINUX = "swarm-mac-a", "swarm-linux-a"
STEPS = 100
POLICIES = Policies(
    heartbeat_ms=1000,
    stale_ms=5000,
    loss_ms=7500,
    skew_ms=15_000,
    skew_wait_ms=15_000,
    contact_ms=20_000,
    prepare_ms=60_000,
    fetch_ms=10_000,
    replay_ms=60_000,
    max_revisions=2,
)


def sha(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def fixture_key(name: str) -> SigningKey:
    return SigningKey(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"fixture {name}".encode()).digest()))


@dataclass(frozen=True)
class Entry:
    at_ms: int
    folder: str  # "journals" or "mirror"
    file: str
    raw: bytes


@dataclass
class Recording:
    """Entries in the order of writing."""

    run_id: str
    entries: list[Entry] = field(default_factory=list)

    @property
    def end_ms(self) -> int:
        return self.entries[-1].at_ms

    def first(self, kind: str, node_id: str = "") -> int:
        """When the first record of a kind was written."""
        wanted = (f'"kind":"{kind}"'.encode(), f'"node_id":"{node_id}"'.encode() if node_id else b"")
        return next(entry.at_ms for entry in self.entries if all(part in entry.raw for part in wanted))

    def write(self, run_dir: Path, *, since_ms: int = -1, until_ms: int | None = None) -> Path:
        """Append what was written in (since, until] to the run folder's journals."""
        coordinator = run_dir / "mac" / "coordinator"
        for folder in ("journals", "mirror", "inbox"):
            (coordinator / folder).mkdir(parents=True, exist_ok=True)
        for entry in self.entries:
            if since_ms < entry.at_ms and (until_ms is None or entry.at_ms <= until_ms):
                with (coordinator / entry.folder / entry.file).open("ab") as stream:
                    stream.write(entry.raw + b"\n")
        return run_dir

    def write_bundle(self, run_dir: Path, classification: Classification) -> Path:
        """What is kept: every journal under its own name, and the first document."""
        bundle = run_dir / "bundle"
        (bundle / "journals").mkdir(parents=True)
        for entry in self.entries:
            with (bundle / "journals" / entry.file).open("ab") as stream:
                stream.write(entry.raw + b"\n")
        (bundle / BUNDLE_FILE).write_bytes(_bundle_document(self.run_id, classification).to_bytes())
        return bundle


def _bundle_document(run_id: str, classification: Classification) -> RealRunBundle:
    good = classification is Classification.BOUNDED_SUCCESS
    return RealRunBundle.seal(
        run_id=run_id,
        run_family_id="first_swarm_live",
        lane_id="loopback",
        result_classification=classification,
        reason="made for a test",
        contract_digest=sha("contract"),
        plan_digest=None,
        membership_digest=None,
        coordinator_public_key=fixture_key("coordinator").public_hex,
        operator_public_key=fixture_key("operator").public_hex,
        total_contributions=2,
        accepted_contributions=2 if good else 0,
        replay_checked_contributions=2 if good else 0,
        merge_disposition="merged" if good else "no_merge",
        promotion_disposition="promoted" if good else "not_reached",
        publish_disposition="refused",
        publish_reason="never automatic",
        held_out_scores=(),
        findings=(),
        claim_boundary="a fixture: nothing was trained",
        files=(),
    )


class Recorder:
    """Writes through the real journal writer into a scratch folder and notes when."""

    def __init__(self, scratch: Path, run_id: str = RUN_ID) -> None:
        self.recording = Recording(run_id)
        self.now_ms = 0
        self._planned: list[tuple[int, str, str, Word, int, int]] = []
        self._scratch = scratch
        self._journals: dict[str, tuple[str, JournalFile]] = {}
        self._clock = Clock(lambda: WALL_0 + self.now_ms, lambda: MONO_0 + self.now_ms)

    def _journal(self, who: str, revision: int, epoch: int) -> tuple[str, JournalFile]:
        role: Literal["coordinator", "contributor"] = "coordinator" if who == "coordinator" else "contributor"
        node_id = MAC if role == "coordinator" else who
        writer = Writer(run_id=self.recording.run_id, node_id=node_id, role=role, revision=revision, epoch=epoch)
        if writer.file_name not in self._journals:
            path = self._scratch / writer.file_name
            folder = "journals" if role == "coordinator" else "mirror"
            self._journals[writer.file_name] = (
                folder,
                JournalFile(path, writer, fixture_key(who), clock=self._clock),
            )
        return self._journals[writer.file_name]

    def put(self, at_ms: int, who: str, kind: str, body: Word, *, revision: int = 0, epoch: int = 1) -> None:
        self._planned.append((at_ms, who, kind, body, revision, epoch))

    def close(self) -> Recording:
        for at_ms, who, kind, body, revision, epoch in sorted(self._planned, key=lambda planned: planned[0]):
            self.now_ms = at_ms
            folder, journal = self._journal(who, revision, epoch)
            line = journal.append(kind, body)
            self.recording.entries.append(Entry(at_ms, folder, journal.head.file, line.raw))
        for _, journal in self._journals.values():
            journal.close()
        return self.recording


def head(name: str = "x", role: str = "contributor") -> Head:
    writer = Writer(run_id=RUN_ID, node_id=MAC, role=role, revision=1, epoch=1)  # type: ignore[arg-type]
    return start_of(writer).model_copy(update={"sha256": sha(name)})


def device(node_id: str) -> Device:
    backend = "mlx" if node_id == MAC else "torch"
    return Device(
        backend_label=f"open_adapter_backend.{backend}.cpu.gpt_oss_lm_head",
        kind="cpu",
        device_label="cpu:0",
        name="AMD EPYC 9R14",
        memory_total_bytes=16_000_000_000,
        threads=1,
        blas="openblas",
        tf32=False,
    )


def manifest(node_id: str) -> UploadManifest:
    identity = UploadIdentity(
        run_id=RUN_ID,
        window_id="window-1",
        node_id=node_id,
        revision=1,
        head_sha256=sha("head"),
        slice_sha256=sha(f"slice {node_id}"),
        initial_adapter_sha256=sha("initial"),
        rank=8,
        alpha=16.0,
    )
    tensors = (
        TensorShape(name="base_model.model.lm_head.lora_A.weight", dtype="F32", shape=(8, 128)),
        TensorShape(name="base_model.model.lm_head.lora_B.weight", dtype="F32", shape=(2048, 8)),
    )
    return UploadManifest.seal(files=("adapter_model.safetensors",), tensors=tensors, identity=identity)


def adapter_file(node_id: str) -> FileRef:
    return FileRef(name="adapter_model.safetensors", size_bytes=69_904, sha256=sha(f"adapter {node_id}"))


def opening(run: Recorder, *, lane: str = "loopback") -> None:
    """Run, links, bring-up reports: up to 3.4 s."""
    cards = (
        coord.NodeCard(
            node_id=MAC,
            roles=("coordinator", "validator", "contributor"),
            backend="mlx",
            transport="local",
            contract_endpoint="local:34100",
        ),
        coord.NodeCard(
            node_id=LINUX, roles=("contributor",), backend="torch", transport="ssh", contract_endpoint="127.0.0.1:34101"
        ),
    )
    opened = coord.RunOpened(
        lane_id=lane,
        contract_digest=sha("contract"),
        contributors=cards,
        policies=POLICIES,
        steps=STEPS,
        coordinator_public_key=fixture_key("coordinator").public_hex,
        operator_public_key=fixture_key("operator").public_hex,
        pid=4100,
    )
    run.put(0, "coordinator", "run_opened", opened)
    change(run, 20, WindowState.PLANNED, WindowState.ADMITTING, "hosts are asked for their gate")
    started = coord.AgentStarted(
        node_id=LINUX,
        pid=4120,
        process_started_ms=WALL_0,
        address="127.0.0.1",
        port=34101,
        host_key="ssh-ed25519 AAAA",
        host_key_fingerprint="SHA256:u3fy8Qz1",
    )
    run.put(150, "coordinator", "agent_started", started)
    link(run, 200, MAC, "local:34100", None)
    link(run, 420, LINUX, "127.0.0.1:34101", 14.2)
    bringup(run, 1200, MAC)
    bringup(run, 3400, LINUX)


def link(run: Recorder, at_ms: int, node_id: str, endpoint: str, rtt: float | None) -> None:
    host_key = None if rtt is None else "SHA256:u3fy8Qz1"
    body = coord.LinkChanged(
        node_id=node_id, state=LinkState.UP, reason="", endpoint=endpoint, rtt_ms=rtt, host_key_fingerprint=host_key
    )
    run.put(at_ms, "coordinator", "link_changed", body)


def bringup(run: Recorder, at_ms: int, node_id: str) -> None:
    there = device(node_id)
    body = coord.BringupReceived(
        node_id=node_id,
        disposition="ready_to_attempt",
        reasons=(),
        report_digest=sha(f"bringup {node_id}"),
        backend_label=there.backend_label,
        device_label=there.device_label,
        device_name=there.name,
        node_public_key=fixture_key(node_id).public_hex,
    )
    run.put(at_ms, "coordinator", "bringup_received", body)


def change(run: Recorder, at_ms: int, before: WindowState, after: WindowState, reason: str) -> None:
    body = coord.WindowChanged(before=before, after=after, reason=reason, heads=())
    run.put(at_ms, "coordinator", "window_changed", body)


def admit(run: Recorder, at_ms: int, node_id: str) -> None:
    body = coord.AdmissionDecided(
        node_id=node_id,
        outcome="admitted",
        reason="token_held",
        detail="",
        token_custody="handed_over",
        receipt_digest=sha(f"admission {node_id}"),
        node_public_key=fixture_key(node_id).public_hex,
    )
    run.put(at_ms, "coordinator", "admission_decided", body)


def runner(run: Recorder, at_ms: int, node_id: str, before: RunnerState, after: RunnerState, **known: object) -> None:
    fields = {"beat_age_ms": None, "bound_ms": None, "departure": None, "cause": "its journal says so", "head": None}
    body = coord.RunnerChanged.model_validate({"node_id": node_id, "before": before, "after": after, **fields, **known})
    run.put(at_ms, "coordinator", "runner_changed", body)


def loss_at(step: int, node_id: str) -> float:
    return 4.1 + (1.35 if node_id == MAC else 1.45) * math.exp(-step / 38)


def beat(run: Recorder, at_ms: int, node_id: str, count: int, phase: Phase, step: int, step_ms: float) -> None:
    trains = step > 0
    body = node.Heartbeat(
        beat=count,
        phase=phase,
        step=step,
        steps=STEPS,
        samples=step * 8,
        loss=loss_at(step, node_id) if trains else None,
        step_ms=step_ms if trains else None,
        memory_bytes=412_000_000 if node_id == MAC else 688_000_000,
        memory_total_bytes=16_000_000_000,
    )
    run.put(at_ms, node_id, "heartbeat", body, revision=1)


def prepare(run: Recorder, node_id: str, launched_ms: int, ready_ms: int) -> int:
    """From launch to ready; returns how many beats there were."""
    put: Callable[..., None] = run.put
    body = coord.Launched(
        node_id=node_id,
        revision=1,
        epoch=1,
        pid=4200,
        process_started_ms=WALL_0 + launched_ms,
        journal=f"{node_id}.contributor.r1.e1.jsonl",
    )
    put(launched_ms, "coordinator", "launched", body)
    runner(run, launched_ms + 10, node_id, RunnerState.ABSENT, RunnerState.PREPARING)
    opened = node.Opened(
        pid=4200,
        process_started_ms=WALL_0 + launched_ms,
        assignment_digest=sha(f"assignment {node_id}"),
        node_public_key=fixture_key(node_id).public_hex,
        admission_digest=sha(f"admission {node_id}"),
        previous_file=None,
        previous_tail=None,
    )
    put(launched_ms + 200, node_id, "opened", opened, revision=1)
    digest = sha(f"assignment {node_id}")
    put(launched_ms + 210, node_id, "claimed", node.Claimed(assignment_digest=digest), revision=1)
    known = node.Acknowledged(assignment_digest=digest, steps=STEPS, samples=200)
    put(launched_ms + 220, node_id, "acknowledged", known, revision=1)
    stage = node.Preparing(stage="head", done=262_144, total=524_288, unit="bytes", detail="")
    put(launched_ms + 700, node_id, "preparing", stage, revision=1)
    count, at_ms = 0, launched_ms + 800
    while at_ms < ready_ms:
        beat(run, at_ms, node_id, count, Phase.PREPARING, 0, 0)
        count, at_ms = count + 1, at_ms + 1000
    ready = node.Ready(
        device=device(node_id),
        head_sha256=sha("head"),
        slice_sha256=sha(f"slice {node_id}"),
        initial_adapter_sha256=sha("initial"),
    )
    put(ready_ms, node_id, "ready", ready, revision=1)
    while at_ms < 8300:
        beat(run, at_ms, node_id, count, Phase.READY, 0, 0)
        count, at_ms = count + 1, at_ms + 1000
    there = device(node_id)
    seen = coord.RunnerReady(
        node_id=node_id, device_label=there.device_label, backend_label=there.backend_label, head=head(node_id)
    )
    put(ready_ms + 100, "coordinator", "runner_ready", seen)
    return count


def train(run: Recorder, node_id: str, begin_ms: int, step_ms: float, first_beat: int, until_ms: int) -> int:
    """Beats every second until the work is done or `until_ms`; returns when it was done."""
    done_ms = round(begin_ms + STEPS * step_ms)
    run.put(begin_ms, node_id, "began", node.Began(begin_digest=sha("begin")), revision=1)
    at_ms, count = begin_ms + 300, first_beat
    while at_ms < min(done_ms, until_ms):
        step = min(STEPS, int((at_ms - begin_ms) / step_ms))
        beat(run, at_ms, node_id, count, Phase.TRAINING, step, step_ms)
        at_ms, count = at_ms + 1000, count + 1
    return done_ms


def produce(run: Recorder, node_id: str, at_ms: int) -> None:
    """Produced, seen, fetched and received."""
    body = node.Produced(manifest=manifest(node_id), files=(adapter_file(node_id),), receipt_digest=sha("receipt"))
    beat(run, at_ms - 20, node_id, 90, Phase.WRITING, STEPS, 83.0)
    run.put(at_ms, node_id, "produced", body, revision=1)
    seen = coord.ContributionSeen(
        node_id=node_id,
        manifest_digest=manifest(node_id).digest,
        files=(adapter_file(node_id),),
        produced_wall_ms=WALL_0 + at_ms,
        head=head(node_id),
    )
    run.put(at_ms + 100, "coordinator", "contribution_seen", seen)
    judged = coord.SubmissionJudged(
        node_id=node_id,
        outcome="received",
        reason="as_journaled_and_planned",
        findings=(),
        manifest_digest=manifest(node_id).digest,
        adapter_sha256=sha(f"adapter {node_id}"),
        size_bytes=69_904,
        fetch_ms=310,
    )
    run.put(at_ms + 420, "coordinator", "submission_judged", judged)


def to_active(run: Recorder) -> tuple[int, int]:
    """Up to the opening of the window at 8.2 s; returns each node's beats so far."""
    opening(run)
    admit(run, 3500, MAC)
    admit(run, 3600, LINUX)
    bound = coord.PlanBound(plan_digest=sha("plan"), membership_digest=sha("membership"))
    run.put(3700, "coordinator", "plan_bound", bound)
    change(run, 3710, WindowState.ADMITTING, WindowState.PREPARING, "both are admitted")
    for at_ms, name in ((3800, MAC), (3850, LINUX)):
        shipped = coord.Shipped(node_id=name, archive_sha256=sha("archive"), size_bytes=1_204_224, reused=False)
        run.put(at_ms, "coordinator", "shipped", shipped)
    mac, linux = prepare(run, MAC, 3900, 6000), prepare(run, LINUX, 4100, 8000)
    run.put(8200, "coordinator", "window_opened", coord.WindowOpened(begin_digest=sha("begin")))
    change(run, 8210, WindowState.PREPARING, WindowState.ACTIVE, "every required node is ready")
    runner(run, 8220, MAC, RunnerState.PREPARING, RunnerState.LIVE)
    runner(run, 8230, LINUX, RunnerState.PREPARING, RunnerState.LIVE)
    return mac, linux


def wait_with_beats(run: Recorder, node_id: str, since_ms: int, until_ms: int) -> None:
    count, at_ms = 91, since_ms + 800
    while at_ms < until_ms:
        beat(run, at_ms, node_id, count, Phase.PRODUCED, STEPS, 83.0)
        count, at_ms = count + 1, at_ms + 1000


def healthy(scratch: Path, run_id: str = RUN_ID, *, promoted: bool = True) -> Recording:
    """A window from nothing to a promoted (or held) merge in 36 s."""
    run = Recorder(scratch, run_id)
    mac, linux = to_active(run)
    done_mac = train(run, MAC, 8300, 83.0, mac, 60_000)
    done_linux = train(run, LINUX, 8350, 140.0, linux, 60_000)
    run.put(13_800, LINUX, "log", node.Log(level="warning", text="clock offset 12 ms"), revision=1)
    produce(run, MAC, done_mac + 60)
    wait_with_beats(run, MAC, done_mac, done_linux + 900)
    produce(run, LINUX, done_linux + 80)
    judge(run, done_linux + 600, promoted=promoted, skew_ms=done_linux - done_mac)
    return run.close()


def judge(run: Recorder, at_ms: int, *, promoted: bool, skew_ms: int) -> None:
    """From both uploads here to the last record."""
    skew = coord.SkewMeasured(skew_ms=skew_ms, first=MAC, last=LINUX, bound_ms=15_000, outcome="within_bound")
    run.put(at_ms, "coordinator", "skew_measured", skew)
    change(run, at_ms + 10, WindowState.ACTIVE, WindowState.COLLECTING, "every contribution was seen")
    change(run, at_ms + 20, WindowState.COLLECTING, WindowState.SEALED, "every upload matches")
    for name in (MAC, LINUX):
        run.put(at_ms + 300, name, "exited", node.Exited(reason="released", code=0), revision=1)
        gone = coord.Released(node_id=name, proven_dead=True, detail="lock free, process gone")
        run.put(at_ms + 400, "coordinator", "released", gone)
        runner(run, at_ms + 410, name, RunnerState.LIVE, RunnerState.EXITED)
    change(run, at_ms + 500, WindowState.SEALED, WindowState.VALIDATING, "runners are gone")
    for at, name, difference in ((at_ms + 4000, MAC, 0.0), (at_ms + 8000, LINUX, 2.1e-6)):
        body = coord.ReplayJudged(
            node_id=name,
            outcome=ReplayOutcome.EXACT if difference == 0 else ReplayOutcome.WITHIN_TOLERANCE,
            backend_label=device(MAC).backend_label,
            relative_difference=difference,
            relative_bound=1e-4,
            max_loss_difference=difference,
            loss_bound=1e-4,
            receipt_digest=sha("replay"),
            replayed_sha256=sha("replayed"),
            detail="",
        )
        run.put(at, "coordinator", "replay_judged", body)
        judged = coord.ContributionJudged(node_id=name, disposition=Disposition.ACCEPTED, findings=())
        run.put(at + 50, "coordinator", "contribution_judged", judged)
    finish(run, at_ms + 8200, promoted=promoted)


def finish(run: Recorder, at_ms: int, *, promoted: bool) -> None:
    change(run, at_ms, WindowState.VALIDATING, WindowState.VALIDATED, "both are accepted and replayed")
    parts = tuple(
        MergedContribution(
            node_id=name, adapter_sha256=sha(name), samples=200, weight_numerator=1, weight_denominator=2
        )
        for name in (MAC, LINUX)
    )
    merged = coord.Merged(report_digest=sha("merge"), merged_sha256=sha("merged"), rank=16, contributions=parts)
    run.put(at_ms + 200, "coordinator", "merged", merged)
    change(run, at_ms + 210, WindowState.VALIDATED, WindowState.AGGREGATED, "the mean is exact")
    merge_loss = 4.312 if promoted else 4.495
    figures = (("base", 4.498), (MAC, 4.391), (LINUX, 4.377), ("merge", merge_loss))
    scores = tuple(HeldOutScore(subject=name, mean_loss=loss, tokens=4096) for name, loss in figures)
    run.put(at_ms + 3000, "coordinator", "scored", coord.Scored(scores=scores, receipt_digest=sha("score")))
    gain = 4.498 - merge_loss
    gate = GateValue(gate="improvement", passed=promoted, value=f"{gain:.3f}", threshold="at least 0.020")
    decided = coord.PromotionDecided(
        disposition="promoted" if promoted else "held",
        gates=(gate,),
        publish_disposition="refused",
        publish_reason="publication is never automatic",
        receipt_digest=sha("promotion"),
    )
    run.put(at_ms + 3100, "coordinator", "promotion_decided", decided)
    end = WindowState.PROMOTED if promoted else WindowState.HELD
    change(run, at_ms + 3110, WindowState.AGGREGATED, end, "gates decided")
    change(run, at_ms + 3600, end, WindowState.CLOSED, "the bundle is written")
    body = coord.Closed(classification=Classification.BOUNDED_SUCCESS, reason="merged and replay-checked", heads=())
    run.put(at_ms + 3610, "coordinator", "closed", body)


def stale(scratch: Path, run_id: str = RUN_ID) -> Recording:
    """The Linux worker falls silent at 17.65 s: stale at 22.7 s, lost at 25.2 s, closed at 27 s."""
    run = Recorder(scratch, run_id)
    mac, linux = to_active(run)
    done_mac = train(run, MAC, 8300, 83.0, mac, 60_000)
    train(run, LINUX, 8350, 140.0, linux, 18_000)
    produce(run, MAC, done_mac + 60)
    wait_with_beats(run, MAC, done_mac, 26_000)
    silent = 17_650
    known = {"cause": "no heartbeat, link up", "beat_age_ms": 5040, "bound_ms": 5000}
    runner(run, silent + 5050, LINUX, RunnerState.LIVE, RunnerState.STALE, **known)
    change(run, silent + 5060, WindowState.ACTIVE, WindowState.REPLAY_REQUIRED, f"{LINUX} is stale")
    known = {"cause": "no heartbeat, link up", "beat_age_ms": 7530, "bound_ms": 7500}
    runner(run, silent + 7550, LINUX, RunnerState.STALE, RunnerState.LOST, departure=Departure.TIMED_OUT, **known)
    change(run, 26_900, WindowState.REPLAY_REQUIRED, WindowState.CLOSED, "the bundle is written")
    body = coord.Closed(classification=Classification.REPLAY_REQUIRED, reason=f"{LINUX} timed out", heads=())
    run.put(27_000, "coordinator", "closed", body)
    return run.close()


def uneven(scratch: Path, run_id: str = RUN_ID) -> Recording:
    """The Linux worker is slow: at 31.9 s the skew passes its bound, and the coordinator waits once more."""
    run = Recorder(scratch, run_id)
    mac, linux = to_active(run)
    done_mac = train(run, MAC, 8300, 83.0, mac, 60_000)
    train(run, LINUX, 8350, 400.0, linux, 36_000)
    produce(run, MAC, done_mac + 60)
    wait_with_beats(run, MAC, done_mac, 36_000)
    skew = coord.SkewMeasured(skew_ms=15_050, first=MAC, last=LINUX, bound_ms=15_000, outcome="past_bound_waiting")
    run.put(done_mac + 60 + 15_100, "coordinator", "skew_measured", skew)
    return run.close()


def unlinked(scratch: Path, run_id: str = RUN_ID) -> Recording:
    """The way to the Linux host goes down at 14 s; its last line came before."""
    run = Recorder(scratch, run_id)
    mac, linux = to_active(run)
    train(run, MAC, 8300, 83.0, mac, 16_500)
    train(run, LINUX, 8350, 140.0, linux, 13_900)
    down = coord.LinkChanged(
        node_id=LINUX, state=LinkState.DOWN, reason="no answer to keepalive", endpoint="127.0.0.1:34101", rtt_ms=None,
        host_key_fingerprint=None,
    )  # fmt: skip
    run.put(15_000, "coordinator", "link_changed", down)
    return run.close()


def refused(scratch: Path, run_id: str = RUN_ID) -> Recording:
    """The Linux host doesn't hold the token."""
    run = Recorder(scratch, run_id)
    opening(run)
    admit(run, 3500, MAC)
    body = coord.AdmissionDecided(
        node_id=LINUX,
        outcome="refused",
        reason="token_mismatch",
        detail="expected a proof under this run's token, got another",
        token_custody="proved",
        receipt_digest=None,
        node_public_key=fixture_key(LINUX).public_hex,
    )
    run.put(3600, "coordinator", "admission_decided", body)
    change(run, 3650, WindowState.ADMITTING, WindowState.REFUSED, f"{LINUX} was not admitted")
    change(run, 4000, WindowState.REFUSED, WindowState.CLOSED, "the bundle is written")
    closed = coord.Closed(classification=Classification.REFUSED_ADMISSION, reason="token mismatch", heads=())
    run.put(4010, "coordinator", "closed", closed)
    return run.close()


def write_long_run(run_dir: Path, scratch: Path, beats: int) -> None:
    """A live run whose Linux worker has beaten `beats` times: lines are spelled by hand, because canonical JSON by the
    library costs minutes here, and signed for real."""
    run = Recorder(scratch)
    to_active(run)
    recording = run.close()
    recording.write(run_dir)
    key = fixture_key(LINUX)
    last = json.loads(next(entry.raw for entry in reversed(recording.entries) if entry.file.startswith(LINUX)))
    prev = hashlib.sha256(next(e.raw for e in reversed(recording.entries) if e.file.startswith(LINUX))).hexdigest()
    lines = []
    for beat_at in range(beats):
        seq, at = last["seq"] + 1 + beat_at, 8400 + beat_at
        body = (
            f'{{"beat":{beat_at},"loss":4.25,"memory_bytes":1,"memory_total_bytes":2,"phase":"training",'
            f'"samples":8,"step":1,"step_ms":83.5,"steps":100}}'
        )
        head = f'{{"body":{body},"epoch":1,"kind":"heartbeat","mono_ms":{MONO_0 + at},"node_id":"{LINUX}",'
        tail = f'"prev":"{prev}","revision":1,"role":"contributor","run_id":"{RUN_ID}",'
        rest = f'"schema_version":"swarm.journal_record.v1","seq":{seq},'
        wall = f'"wall_ms":{WALL_0 + at}}}'
        sig = key.sign(SIGNING_PREFIX + (head + tail + rest + wall).encode())
        raw = f'{head}{tail}{rest}"sig":"{sig}",{wall}'.encode()
        prev = hashlib.sha256(raw).hexdigest()
        lines.append(raw)
    path = run_dir / "mac" / "coordinator" / "mirror" / f"{LINUX}.contributor.r1.e1.jsonl"
    with path.open("ab") as stream:
        stream.write(b"".join(line + b"\n" for line in lines))
