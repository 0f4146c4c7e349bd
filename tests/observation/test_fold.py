"""What each kind of record changes, as a table; and that the order of reading changes nothing."""

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from console.observation.coordinator_fold import COORDINATOR_FOLDS
from console.observation.coordinator_tellings import COORDINATOR_TELLINGS
from console.observation.fold import fold, fold_all
from console.observation.line import Line, Proof, Ref, Stamp
from console.observation.node_fold import NODE_FOLDS
from console.observation.node_tellings import NODE_TELLINGS
from console.observation.source import RunSource
from console.observation.state import Host, State
from console.places import data_dir
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
from tests.observation.recorded_journals import LINUX, MAC, Recording, sha
from tests.observation.watching import Watch


def line(body: Word | None, kind: str, *, role: str = "coordinator", seq: int = 0, **place: Any) -> Line:
    node_id = MAC if role == "coordinator" else LINUX
    known = {"revision": 1, "epoch": 1, "at": Stamp(1000 + seq, 50 + seq), **place}
    return Line(
        ref=Ref(f"{node_id}.{role}.r1.e1.jsonl", seq, seq * 10, 9),
        sha256=sha("line"),
        run_id="run",
        node_id=node_id,
        role=role,
        kind=kind,
        body=body,
        flaw="" if body else "step: Field required",
        proof=Proof.SIGNED,
        arrival_ms=7,
        order_ms=1000 + seq,
        **known,
    )


def kind_of(body: Word) -> str:
    tables = {**coord.COORDINATOR_BODIES, **node.NODE_BODIES}
    return next(kind for kind, model in tables.items() if type(body) is model)


def linux(state: State) -> Host:
    host = state.host(LINUX)
    assert host is not None
    return host


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
        lambda state: (linux(state).admission and linux(state).admission.admitted, linux(state).public_key),  # type: ignore[union-attr]
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
        lambda state: linux(state).trouble and linux(state).trouble.reason,  # type: ignore[union-attr]
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
        lambda state: linux(state).trouble and linux(state).trouble.kind,  # type: ignore[union-attr]
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
        lambda state: linux(state).trouble and linux(state).trouble.reason,  # type: ignore[union-attr]
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
        lambda state: linux(state).submission and linux(state).submission.body.outcome,  # type: ignore[union-attr]
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
        lambda state: linux(state).replay and linux(state).replay.body.outcome,  # type: ignore[union-attr]
        ReplayOutcome.MISMATCH,
    ),
    (
        coord.ContributionJudged(node_id=LINUX, disposition=Disposition.QUARANTINED, findings=(FINDING,)),
        lambda state: linux(state).judgement and linux(state).judgement.body.disposition,  # type: ignore[union-attr]
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
        lambda state: linux(state).trouble and linux(state).trouble.reason,  # type: ignore[union-attr]
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


@pytest.mark.parametrize(("body", "look", "expected"), COORDINATOR_CASES, ids=lambda case: type(case).__name__)
def test_a_coordinators_record_changes_what_it_speaks_of(
    body: Word, look: Callable[[State], object], expected: object
) -> None:
    state = fold(State(hosts=(Host(MAC), Host(LINUX))), line(body, kind_of(body)))
    assert look(state) == expected
    if kind_of(body) != "window_opened":
        assert state.host(MAC) == Host(MAC)


def test_the_opening_of_the_window_says_that_every_runner_lives() -> None:
    state = fold(
        State(hosts=(Host(MAC), Host(LINUX))), line(coord.WindowOpened(begin_digest=sha("b")), "window_opened")
    )
    assert {host.runner.state for host in state.hosts} == {RunnerState.LIVE}


@pytest.mark.parametrize(("body", "look", "expected"), NODE_CASES, ids=lambda case: type(case).__name__)
def test_a_contributors_record_changes_only_what_it_says_of_itself(
    body: Word, look: Callable[[State], object], expected: object
) -> None:
    before = State(hosts=(Host(MAC), Host(LINUX)))
    state = fold(before, line(body, kind_of(body), role="contributor"))
    assert look(state) == expected
    assert state.host(MAC) == Host(MAC)
    assert linux(state).runner == Host(LINUX).runner


def test_every_kind_has_a_fold_and_a_telling() -> None:
    assert set(COORDINATOR_FOLDS) == set(COORDINATOR_TELLINGS) == set(coord.COORDINATOR_BODIES)
    assert set(NODE_FOLDS) == set(NODE_TELLINGS) == set(node.NODE_BODIES)


def test_a_body_that_is_not_what_its_kind_promises_changes_nothing_but_the_count() -> None:
    state = fold(State(), line(None, "window_changed"))
    assert (state.records, state.window) == (1, WindowState.PLANNED)


def test_a_new_revision_starts_afresh_and_an_older_process_is_not_heard_any_more() -> None:
    def beat(step: int, revision: int, epoch: int) -> Line:
        body = node.Heartbeat(
            beat=1,
            phase=Phase.TRAINING,
            step=step,
            steps=9,
            samples=1,
            loss=1.0 * step,
            step_ms=1.0,
            memory_bytes=1,
            memory_total_bytes=1,
        )
        return line(body, "heartbeat", role="contributor", revision=revision, epoch=epoch)

    state = fold_all(State(), [beat(5, 1, 1), beat(6, 1, 2), beat(1, 2, 1), beat(9, 1, 2)])
    assert (linux(state).work.step, linux(state).work.losses) == (1, (1.0,))


def test_only_the_device_that_is_ready_is_read_and_only_of_the_newest_process() -> None:
    def ready(label: str) -> Line:
        said = next(body for body, _, _ in NODE_CASES if isinstance(body, node.Ready))
        device = said.device.model_copy(update={"device_label": label})
        return line(said.model_copy(update={"device": device}), "ready", role="contributor")

    def read(label: str, epoch: int = 1) -> Line:
        body = CARD_READ.model_copy(update={"device_label": label})
        return line(body, "accelerator_read", role="contributor", epoch=epoch)

    def of(*lines: Line) -> str | None:
        told = linux(fold_all(State(), lines)).work.accelerator
        return None if told is None else told.device_label

    assert of(read("cuda:0"), ready("cuda:0")) == "cuda:0"
    assert of(read("cuda:1"), ready("cuda:0")) is None
    assert of(ready("cpu:0"), read("cuda:0")) is None
    assert of(ready("cuda:0"), read("cuda:0"), read("cuda:1")) == "cuda:0"
    assert of(read("cuda:0"), line(node.Log(level="info", text="again"), "log", role="contributor", epoch=2)) is None


def test_a_run_that_was_kept_before_cards_were_read_tells_nothing_of_its_card() -> None:
    """It can't be made again without a card; its lines are all signed, and every one still has a body."""
    lines = RunSource(data_dir("fixtures") / "swarm" / "runs" / "loopback-cuda-1").read_all().lines
    contributor = linux(fold_all(State(), lines))
    assert all(line.body is not None for line in lines)
    assert (contributor.work.device_label, contributor.work.accelerator) == ("cuda:0", None)


def test_a_new_launch_forgets_what_was_judged_in_the_revision_before() -> None:
    launched = coord.Launched(node_id=LINUX, revision=2, epoch=1, pid=4, process_started_ms=1, journal="a.jsonl")
    seen = coord.ContributionSeen(node_id=LINUX, manifest_digest=sha("m"), files=(), produced_wall_ms=1, head=HEAD)
    state = fold_all(State(), [line(seen, "contribution_seen"), line(launched, "launched", seq=1)])
    assert linux(state).seen is None


def test_folding_at_once_equals_folding_one_by_one(healthy: Recording, run_dir: Path) -> None:
    lines = Watch(healthy.write(run_dir), now_ms=healthy.end_ms).source.poll().lines
    assert fold_all(State(), lines) == reduce(fold, lines, State())


def test_of_many_log_lines_at_once_the_newest_are_kept_as_one_by_one() -> None:
    def said(seq: int, epoch: int) -> Line:
        body = node.Log(level="info", text=f"line {seq}")
        return line(body, "log", role="contributor", seq=seq, revision=1, epoch=epoch)

    lines = [said(seq, 1 if seq < 70 else 2) for seq in range(140)]
    assert fold_all(State(), lines) == reduce(fold, lines, State())
    assert linux(fold_all(State(), lines)).work.said[-1] == "line 139"


def test_the_order_in_which_journals_are_read_changes_nothing(healthy: Recording, run_dir: Path) -> None:
    lines = Watch(healthy.write(run_dir), now_ms=healthy.end_ms).source.poll().lines
    by_file = sorted(lines, key=lambda one: (not one.from_coordinator, one.ref.file, one.ref.seq))
    assert fold_all(State(), by_file) == fold_all(State(), lines)
