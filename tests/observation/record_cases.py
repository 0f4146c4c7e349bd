"""A record of each kind, what to look at after it was folded, and what must be there then."""

from collections.abc import Callable
from typing import TypeVar

from console.observation.line import Stamp
from console.observation.state import Host, State
from runners.contract import coordinator_records as coord
from runners.contract import node_records as node
from runners.contract.document import Word
from runners.contract.plan import CheckpointRef, FileRef
from runners.contract.receipts import HeldOutScore
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
from tests.execution_settings import EXECUTION
from tests.observation import recorded_contributor, recorded_journals
from tests.observation.recorded_journals import LINUX, MAC, sha

T = TypeVar("T")


def the(found: T | None) -> T:
    assert found is not None
    return found


def linux(state: State) -> Host:
    return the(state.host(LINUX))


HEAD = recorded_journals.head()
CARD_READ = node.AcceleratorRead(device_label="cuda:0", held=None, card=None, trouble="lost")
FINDING = coord.Finding(rule="manifest_digest", expected="aa", got="bb")

CHECKPOINT = CheckpointRef(
    revision=1, step=20, file=FileRef(name="step-000020.safetensors", size_bytes=9, sha256=sha("checkpoint"))
)
COORDINATOR_CASES: list[tuple[Word, Callable[[State], object], object]] = [
    (
        coord.EpochOpened(pid=9, previous_file="a.jsonl", previous_tail=sha("x"), gap_ms=5),
        lambda state: (state.takeovers, state.coordinator_pid),
        (1, 9),
    ),
    (
        coord.OperatorActed(command_id="c1", command="stop", command_digest=sha("c"), reason="enough"),
        lambda state: [(act.command, act.reason) for act in state.acts],
        [("stop", "enough")],
    ),
    (
        coord.LinkChanged(
            node_id=LINUX,
            state=LinkState.DOWN,
            reason="no answer",
            endpoint="h:1",
            rtt_ms=None,
            host_key_fingerprint=None,
        ),
        lambda state: (linux(state).link.state, linux(state).link.reason, linux(state).runner.state),
        (LinkState.DOWN, "no answer", RunnerState.ABSENT),
    ),
    (
        coord.BringupRefused(node_id=LINUX, reason="no_report", detail="gone", report_digest=None),
        lambda state: linux(state).bringup is not None,
        True,
    ),
    (
        coord.AdmissionDecided(
            node_id=LINUX,
            outcome="refused",
            reason="token_mismatch",
            detail="",
            token_custody="proved",
            receipt_digest=None,
            node_public_key=sha("key"),
        ),
        lambda state: (the(linux(state).admission).admitted, linux(state).public_key),
        (False, sha("key")),
    ),
    (
        coord.PlanBound(plan_digest=sha("p"), membership_digest=sha("m")),
        lambda state: state.bound and state.bound.plan_digest,
        sha("p"),
    ),
    (
        coord.Launched(node_id=LINUX, revision=1, epoch=1, pid=4, process_started_ms=1, journal="a.jsonl"),
        lambda state: (linux(state).launched_revision, state.revision),
        (1, 1),
    ),
    (
        coord.PreparationFailed(node_id=LINUX, reason="head_mismatch", detail="other head"),
        lambda state: the(linux(state).trouble).reason,
        "head_mismatch",
    ),
    (
        coord.RunnerReady(node_id=LINUX, device_label="cpu:0", backend_label="torch", head=HEAD),
        lambda state: linux(state).ready,
        Stamp(1000, 50),
    ),
    (coord.WindowOpened(begin_digest=sha("b")), lambda state: state.active_since, Stamp(1000, 50)),
    (
        coord.RunnerChanged(
            node_id=LINUX,
            before=RunnerState.STALE,
            after=RunnerState.LOST,
            beat_age_ms=7501,
            bound_ms=7500,
            departure=Departure.TIMED_OUT,
            cause="silence",
            head=None,
        ),
        lambda state: (linux(state).runner.state, linux(state).runner.departure),
        (RunnerState.LOST, Departure.TIMED_OUT),
    ),
    (
        coord.JournalBroken(node_id=LINUX, reason="fork", detail="seq 4 twice", head=HEAD),
        lambda state: the(linux(state).trouble).kind,
        "journal_broken",
    ),
    (coord.ObserverGap(gap_ms=900, cause="slow_loop"), lambda state: state.gaps_ms, (900,)),
    (
        coord.ContributionSeen(node_id=LINUX, manifest_digest=sha("m"), files=(), produced_wall_ms=1, head=HEAD),
        lambda state: linux(state).seen,
        Stamp(1000, 50),
    ),
    (
        coord.ContributorFailed(node_id=LINUX, reason="out_of_memory", detail="", head=HEAD),
        lambda state: the(linux(state).trouble).reason,
        "out_of_memory",
    ),
    (
        coord.SubmissionJudged(
            node_id=LINUX,
            outcome="rejected",
            reason="manifest_digest_mismatch",
            findings=(FINDING,),
            manifest_digest=sha("m"),
            adapter_sha256=None,
            size_bytes=1,
            fetch_ms=1,
        ),
        lambda state: the(linux(state).submission).body.outcome,
        "rejected",
    ),
    (
        coord.SkewMeasured(skew_ms=16_000, first=MAC, last=LINUX, bound_ms=15_000, outcome="past_bound_waiting"),
        lambda state: state.skew and state.skew.skew_ms,
        16_000,
    ),
    (
        coord.ReplayJudged(
            node_id=LINUX,
            outcome=ReplayOutcome.MISMATCH,
            backend_label="mlx",
            relative_difference=0.5,
            relative_bound=1e-4,
            max_loss_difference=0.1,
            loss_bound=1e-4,
            segments=1,
            exact_segments=0,
            receipt_digest=None,
            replayed_sha256=None,
            detail="",
        ),
        lambda state: the(linux(state).replay).body.outcome,
        ReplayOutcome.MISMATCH,
    ),
    (
        coord.ContributionJudged(node_id=LINUX, disposition=Disposition.QUARANTINED, findings=(FINDING,)),
        lambda state: the(linux(state).judgement).body.disposition,
        Disposition.QUARANTINED,
    ),
    (
        coord.Scored(scores=(HeldOutScore(subject="base", mean_loss=4.0, tokens=9),), receipt_digest=sha("s")),
        lambda state: [score.subject for score in state.scores],
        ["base"],
    ),
    (coord.WorkFailed(activity="score", detail="no shard"), lambda state: state.work_failed, "score: no shard"),
    (
        coord.Working(activity="capture", node_id=None, done=3, total=9, detail=""),
        lambda state: [one.body.done for one in state.doing],
        [3],
    ),
    (
        coord.Merged(report_digest=sha("r"), merged_sha256=sha("m"), rank=16, contributions=()),
        lambda state: state.merged and state.merged.rank,
        16,
    ),
    (
        coord.PromotionDecided(
            disposition="held",
            gates=(),
            publish_disposition="refused",
            publish_reason="never automatic",
            receipt_digest=sha("p"),
        ),
        lambda state: state.promotion and state.promotion.disposition,
        "held",
    ),
    (
        coord.CheckpointKept(node_id=LINUX, checkpoint=CHECKPOINT, head=HEAD),
        lambda state: linux(state).kept_step,
        20,
    ),
    (
        coord.CheckpointRefused(node_id=LINUX, step=20, reason="malformed_checkpoint", findings=(), head=HEAD),
        lambda state: the(linux(state).trouble).reason,
        "malformed_checkpoint",
    ),
    (
        coord.WindowChanged(before=WindowState.PLANNED, after=WindowState.ADMITTING, reason="go", heads=()),
        lambda state: (state.window, state.window_since),
        (WindowState.ADMITTING, Stamp(1000, 50)),
    ),
    (coord.Released(node_id=LINUX, proven_dead=True, detail=""), lambda state: linux(state).released, True),
    (
        coord.Closed(classification=Classification.REJECTED, reason="no", heads=()),
        lambda state: (state.closed and state.closed.classification, state.closed_at),
        (Classification.REJECTED, Stamp(1000, 50)),
    ),
]

NODE_CASES: list[tuple[Word, Callable[[State], object], object]] = [
    (node.Acknowledged(assignment_digest=sha("a"), steps=60, samples=5), lambda state: linux(state).work.steps, 60),
    (
        node.Preparing(stage="warm_up", done=1, total=4, unit="steps", detail=""),
        lambda state: (linux(state).work.phase, linux(state).work.stage, linux(state).work.stage_done),
        (Phase.PREPARING, "warm_up", 1),
    ),
    (
        node.Ready(
            device=recorded_contributor.device(LINUX),
            head_sha256=sha("h"),
            slice_sha256=sha("s"),
            initial_adapter_sha256=sha("i"),
            execution=EXECUTION,
            start=None,
        ),
        lambda state: (linux(state).work.phase, linux(state).work.device_label),
        (Phase.READY, "cpu:0"),
    ),
    (node.Began(begin_digest=sha("b")), lambda state: linux(state).work.began, Stamp(1000, 50)),
    (
        node.Heartbeat(
            beat=3,
            phase=Phase.TRAINING,
            step=7,
            steps=60,
            samples=56,
            loss=4.5,
            step_ms=80.0,
            memory_bytes=1,
            memory_total_bytes=2,
        ),
        lambda state: (linux(state).work.step, linux(state).work.losses, linux(state).work.arrival_ms),
        (7, (4.5,), 7),
    ),
    (CARD_READ, lambda state: (linux(state).work.accelerator, linux(state).work.last_beat), (CARD_READ, None)),
    (
        node.Produced(manifest=recorded_contributor.manifest(LINUX), files=(), receipt_digest=sha("r")),
        lambda state: (linux(state).work.phase, linux(state).seen),
        (Phase.PRODUCED, None),
    ),
    (node.Failed(reason="nan_loss", detail="step 4"), lambda state: linux(state).work.failed, "nan_loss: step 4"),
    (node.Exited(reason="orphaned", code=1), lambda state: linux(state).work.exited, "orphaned"),
]
