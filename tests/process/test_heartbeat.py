"""The sign of life goes on whatever the work does."""

import errno
import hashlib
import time

import pytest

from runners.contract.document import Word
from runners.contract.node_records import Heartbeat
from runners.contract.states import Phase
from runners.process.heartbeat import HeartbeatThread, Progress
from tests.patience import until
from tests.process.inputs import contract, shipment
from tests.process.node import Node, runner_request

STALE_GUARD_MS = 2500  # half of what makes a runner stale


@pytest.mark.usefixtures("on_the_processor")
@pytest.mark.torch
def test_a_whole_torch_cycle_has_no_gap_neither_in_import_nor_in_training(node: Node) -> None:
    node = node.on("torch")
    node.lane = contract(steps=3000)
    sent = shipment(node.lane, backend="torch")
    launched = node.launch(sent)
    node.await_record(launched, "ready")
    node.ask_here("begin", node.begin_request(sent))
    node.await_step(launched)
    node.await_record(launched, "produced")
    node.ask_here("release", runner_request())
    node.await_death()
    beats = [line.record for line in node.records(launched) if line.record.kind == "heartbeat"]
    assert {beat.body["phase"] for beat in beats} >= {"preparing", "training"}
    assert [beat.body["beat"] for beat in beats] == list(range(len(beats)))
    assert max(node.beat_gaps_ms(launched)) < STALE_GUARD_MS
    assert node.body(launched, "ready")["device"]["backend_label"].startswith("open_adapter_backend.torch.")
    assert node.body(launched, "produced")["manifest"]["digest"] == sent.assignment.expected_upload.digest
    assert node.body(launched, "exited")["reason"] == "released"


def test_a_beat_carries_what_is_really_done(node: Node) -> None:
    node.lane = contract(steps=4000, heartbeat_ms=100)
    sent = shipment(node.lane)
    launched = node.launch(sent)
    node.await_record(launched, "ready")
    node.ask_here("begin", node.begin_request(sent))
    node.await_step(launched)
    beat = node.body(launched, "heartbeat")
    assert beat["phase"] == "training"
    assert beat["samples"] == beat["step"] * node.lane.recipe.batch_samples
    assert beat["steps"] == 4000
    assert beat["loss"] > 0
    assert beat["step_ms"] > 0
    assert 0 < beat["memory_bytes"] < beat["memory_total_bytes"]


def test_a_long_native_call_of_the_work_delays_no_beat() -> None:
    beats: list[str] = []
    rounds = [10_000]

    def beats_come_within_one_call() -> bool:
        before = len(beats)
        hashlib.pbkdf2_hmac("sha256", b"work", b"salt", rounds[-1])
        rounds.append(min(2 * rounds[-1], 4_000_000))  # seconds
        return len(beats) - before >= 3

    with HeartbeatThread(lambda kind, _body: beats.append(kind), Progress(1), period_ms=10):
        until("beats within one call", beats_come_within_one_call)


def test_beats_go_on_after_a_full_disk_has_room_again() -> None:
    written: list[Heartbeat] = []
    attempts: list[str] = []

    def append(kind: str, body: Word) -> None:
        attempts.append(kind)
        if len(attempts) <= 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        assert isinstance(body, Heartbeat)
        written.append(body)

    with HeartbeatThread(append, Progress(1), period_ms=10):
        until("beats after two failed ones", lambda: len(written) >= 2)
    assert written[0].beat == 2  # the lost ones are missing, not renumbered


def test_no_beat_comes_after_the_end() -> None:
    beats: list[str] = []
    with HeartbeatThread(lambda kind, _body: beats.append(kind), Progress(1), period_ms=10):
        until("two beats", lambda: len(beats) >= 2)
    after = len(beats)
    time.sleep(0.05)  # nothing can be awaited where nothing may happen
    assert len(beats) == after


def test_progress_counts_what_was_finished() -> None:
    progress = Progress(10)
    progress.enter(Phase.TRAINING)
    progress.finish_step(step=1, samples=4, loss=2.5, seconds=0.25)
    progress.finish_step(step=2, samples=4, loss=2.0, seconds=0.125)
    beat = progress.beat(7, memory_bytes=1, memory_total_bytes=2)
    assert (beat.beat, beat.phase, beat.step, beat.steps, beat.samples) == (7, Phase.TRAINING, 2, 10, 8)
    assert (beat.loss, beat.step_ms) == (2.0, 125.0)
