"""Numbers that no honest host tells: refused by the producer's model and by the checker's shape alike."""

from typing import Any

import pytest

from console.coordination.arrivals import arrive
from console.evidence.checks.node_record_shapes import CONTRIBUTOR_BODIES
from console.evidence.checks.shapes import misfit
from console.evidence.checks.word_shapes import CHECKPOINT, DEVICE, EXECUTION, FILE_REF, SCORE
from runners.contract.announcement import AgentAnnouncement
from runners.contract.coordinator_records import JournalBroken
from runners.contract.document import Word, word_from_json
from runners.contract.errors import MalformedBytes
from runners.contract.execution import ExecutionSettings
from runners.contract.node_records import NODE_BODIES
from runners.contract.plan import CheckpointRef, FileRef
from runners.contract.receipts import Device, HeldOutScore
from runners.contract.requests import LaunchResponse
from tests.coordination import window as win
from tests.coordination.window import Window

FILE = {"name": "a.safetensors", "size_bytes": 76_000, "sha256": "0" * 64}
TRUE: dict[str, dict[str, Any]] = {
    "opened": {"pid": 4242, "process_started_ms": 1, "assignment_digest": "0" * 64, "node_public_key": "0" * 64,
               "admission_digest": "0" * 64, "previous_file": None, "previous_tail": None},
    "recovered": {"cut_bytes": 0},
    "acknowledged": {"assignment_digest": "0" * 64, "steps": 100, "samples": 7},
    "preparing": {"stage": "head", "done": 1, "total": 2, "unit": "bytes", "detail": ""},
    "heartbeat": {"beat": 3, "phase": "training", "step": 2, "steps": 100, "samples": 16, "loss": 4.5, "step_ms": 83.5,
                  "memory_bytes": 412_000_000, "memory_total_bytes": 16_000_000_000},
    "checkpointed": {"checkpoint": {"revision": 0, "step": 20, "file": FILE}, "samples": 160, "loss": 4.5},
}  # fmt: skip
LIES: tuple[tuple[str, str, Any], ...] = (
    ("opened", "pid", -1), ("opened", "pid", 0), ("opened", "pid", 2**31), ("opened", "process_started_ms", -1),
    ("recovered", "cut_bytes", -1), ("recovered", "cut_bytes", 2**51),
    ("acknowledged", "steps", -100), ("acknowledged", "samples", -1),
    ("preparing", "done", -1), ("preparing", "total", -1),
    ("heartbeat", "beat", -1), ("heartbeat", "step", -1), ("heartbeat", "steps", -1), ("heartbeat", "samples", -1),
    ("heartbeat", "memory_bytes", -1), ("heartbeat", "memory_bytes", 2**52), ("heartbeat", "memory_bytes", 0.5),
    ("heartbeat", "memory_total_bytes", -5), ("heartbeat", "memory_total_bytes", 2**52),
    ("heartbeat", "loss", 1e300), ("heartbeat", "loss", -1e22), ("heartbeat", "loss", True),
    ("heartbeat", "step_ms", -0.5), ("heartbeat", "step_ms", 1e300),
    ("checkpointed", "samples", -1), ("checkpointed", "loss", 1e22),
    ("checkpointed", "checkpoint", {"revision": -1, "step": 20, "file": FILE}),
    ("checkpointed", "checkpoint", {"revision": 0, "step": -20, "file": FILE}),
    ("checkpointed", "checkpoint", {"revision": 0, "step": 20, "file": FILE | {"size_bytes": -1}}),
    ("checkpointed", "checkpoint", {"revision": 0, "step": 20, "file": FILE | {"size_bytes": 2**51}}),
)  # fmt: skip


@pytest.mark.parametrize("kind", TRUE)
def test_what_a_host_can_tell_is_believed_by_both(kind: str) -> None:
    assert word_from_json(NODE_BODIES[kind], TRUE[kind]).to_json() == TRUE[kind]
    assert misfit(CONTRIBUTOR_BODIES[kind], TRUE[kind], "line") is None


@pytest.mark.parametrize(("kind", "field", "value"), LIES)
def test_a_number_that_no_host_has_is_refused_by_producer_and_checker(kind: str, field: str, value: Any) -> None:
    body = TRUE[kind] | {field: value}
    with pytest.raises(MalformedBytes):
        word_from_json(NODE_BODIES[kind], body)
    assert misfit(CONTRIBUTOR_BODIES[kind], body, "line") is not None


WORDS: dict[str, tuple[type[Word], Any, dict[str, Any], tuple[str, ...]]] = {
    "file": (FileRef, FILE_REF, FILE, ("size_bytes",)),
    "checkpoint": (CheckpointRef, CHECKPOINT, {"revision": 0, "step": 2, "file": FILE}, ("revision", "step")),
    "device": (Device, DEVICE, {"backend_label": "b", "kind": "cpu", "device_label": "cpu:0", "name": "x", "blas": "y",
                                "memory_total_bytes": 1, "threads": 1, "tf32": False},
               ("memory_total_bytes", "threads")),
    "execution": (ExecutionSettings, EXECUTION, {"backend": "b", "backend_label": "b", "device_name": "x", "threads": 1,
                                                 "blas": "y", "tf32": False, "chunk_tokens": 16, "tiles": [],
                                                 "runners_sha256": "0" * 64}, ("threads", "chunk_tokens")),
}  # fmt: skip


@pytest.mark.parametrize("name", WORDS)
def test_what_records_and_receipts_are_made_of_has_no_number_below_nothing(name: str) -> None:
    word, shape, true, fields = WORDS[name]
    assert word_from_json(word, true).to_json() == true
    assert misfit(shape, true, "part") is None
    for field in fields:
        with pytest.raises(MalformedBytes):
            word_from_json(word, true | {field: -1})
        assert misfit(shape, true | {field: -1}, "part") is not None


@pytest.mark.parametrize("loss", [2.0**53, 1e17, 1e22, -1e300])
def test_a_score_that_canonical_json_can_not_spell_is_none(loss: float) -> None:
    score = {"subject": "base", "mean_loss": loss, "tokens": 5}
    with pytest.raises(MalformedBytes):
        word_from_json(HeldOutScore, score)
    assert misfit(SCORE, score, "score") is not None


@pytest.mark.parametrize("pid", [-1, 0, 2**31])
def test_a_process_id_that_means_all_processes_is_none(pid: int) -> None:
    """Somebody signals what is named here."""
    announced = {"listening": True, "dials": False, "address": "127.0.0.1", "port": 22, "host_key": "k",
                 "host_key_fingerprint": "SHA256:x", "process_started_ms": 1}  # fmt: skip
    launched = {"process_started_ms": 1, "revision": 0, "epoch": 0, "journal": "a.jsonl"}
    for word, body in ((AgentAnnouncement, announced), (LaunchResponse, launched)):
        assert word_from_json(word, body | {"pid": 4242})
        with pytest.raises(MalformedBytes):
            word_from_json(word, body | {"pid": pid})


def test_a_lie_in_a_beat_breaks_the_journal_that_has_it_and_is_no_sign_of_life() -> None:
    window = Window(1).to_active()
    record = win.line("n0", win.BEGAN, 3, kind="heartbeat").model_copy(
        update={"body": TRUE["heartbeat"] | {"memory_bytes": -1}}
    )
    (broken,) = arrive(window.state, "n0", record, win.head("n0", 3), window.now + 4000)[1]
    assert isinstance(broken, JournalBroken)
    assert broken.reason == "unknown_record"
