"""A training that went on from a checkpoint ends with the bits of one that was never interrupted."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from runners.contract.jobs import BackendName, ReplayJob, SegmentStart
from runners.contract.plan import ADAPTER_FILE, TENSOR_B, Assignment, CheckpointRef
from runners.records.durable import write_durable
from runners.records.tensors import RawTensor, read_tensors, write_tensors
from runners.training.errors import InputMismatch, StateFileError, Stopped
from runners.training.jobs import Replay
from runners.training.state_file import read_state
from tests.training.assignments import BASE, Ground, lay_ground
from tests.training.continuing import EVERY, STEPS, planned, train
from tests.training.problems import BACKENDS


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return lay_ground(tmp_path_factory.mktemp("ground"))


def tensors(path: Path) -> dict[str, bytes]:
    return {name: bytes(tensor.data) for name, tensor in read_tensors(path.read_bytes(), name=path.name)[0].items()}


def last_checkpoint(folder: Path, assignment: Assignment) -> tuple[CheckpointRef, ...]:
    """What a coordinator would name, from the files that an interrupted runner left."""
    steps = [int(path.stem.removeprefix("step-")) for path in sorted((folder / "checkpoints").iterdir())]
    files = [
        read_state(folder / "checkpoints" / f"step-{step:06d}.safetensors", assignment, step).file for step in steps
    ]
    return tuple(CheckpointRef(revision=1, step=step, file=file) for step, file in zip(steps, files, strict=True))


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_interrupted_training_that_goes_on_gives_the_bits_of_an_uninterrupted_one(
    ground: Ground, tmp_path: Path, backend: BackendName
) -> None:
    whole = train(ground, tmp_path / "whole", backend, planned(ground))
    with pytest.raises(Stopped):
        train(ground, tmp_path / "cut", backend, planned(ground), until=5)
    assert list((tmp_path / "cut" / "out").iterdir()) == []
    kept = last_checkpoint(tmp_path / "cut", planned(ground))
    assert [ref.step for ref in kept] == [2, 4]
    again = planned(ground, kept)
    start = tmp_path / "cut" / "checkpoints" / kept[-1].file.name
    receipt = train(ground, tmp_path / "on", backend, again, start)
    assert tensors(tmp_path / "on" / "out" / ADAPTER_FILE) == tensors(tmp_path / "whole" / "out" / ADAPTER_FILE)
    assert receipt.step_losses == whole.step_losses
    assert receipt.continued_from == kept[-1] and whole.continued_from is None
    assert receipt.checkpoints == kept
    assert 0 < receipt.tokens_trained < whole.tokens_trained == whole.tokens_presented == receipt.tokens_presented


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_replay_by_segments_gives_the_contributors_states_bit_by_bit(
    ground: Ground, tmp_path: Path, backend: BackendName
) -> None:
    assignment = planned(ground)
    receipt = train(ground, tmp_path / "work", backend, assignment)
    replay = Replay(job(ground, assignment, tmp_path / "replayed", backend))
    for ref in receipt.checkpoints:
        replay.segment(segment_start(tmp_path, ref.step - EVERY))
    last = replay.segment(segment_start(tmp_path, STEPS - EVERY))
    assert last.last_step == STEPS and last.file.sha256 == receipt.adapter.sha256
    for ref in receipt.checkpoints:
        own, again = tmp_path / "work" / "checkpoints" / ref.file.name, tmp_path / "replayed" / ref.file.name
        assert own.read_bytes() == again.read_bytes()
    assert replay.result().execution == receipt.execution


def job(ground: Ground, assignment: Assignment, out: Path, backend: BackendName) -> ReplayJob:
    return ReplayJob(
        assignment=assignment,
        model_dir=str(BASE),
        slice_path=str(ground.slice_path(0)),
        initial_adapter_path=str(ground.initial_path),
        backend=backend,
        out_dir=str(out),
    )


def segment_start(folder: Path, done: int) -> SegmentStart:
    path = folder / "work" / "checkpoints" / f"step-{done:06d}.safetensors"
    return SegmentStart(first_step=done + 1, checkpoint_path=str(path) if done else None)


def test_a_segment_without_its_checkpoint_is_refused(ground: Ground, tmp_path: Path) -> None:
    replay = Replay(job(ground, planned(ground), tmp_path / "replayed", "reference"))
    with pytest.raises(InputMismatch, match="segment from step 3: expected a checkpoint, got none"):
        replay.segment(SegmentStart(first_step=3, checkpoint_path=None))


def test_a_start_of_other_bytes_than_planned_is_refused(ground: Ground, tmp_path: Path) -> None:
    train(ground, tmp_path / "whole", "reference", planned(ground))
    kept = last_checkpoint(tmp_path / "whole", planned(ground))
    start = tmp_path / "whole" / "checkpoints" / kept[-1].file.name
    raw = bytearray(start.read_bytes())
    raw[-1] ^= 1  # one bit of the last loss or moment
    write_durable(tmp_path / start.name, bytes(raw))
    with pytest.raises(InputMismatch, match=r"start: sha256 of step-000004\.safetensors: expected"):
        train(ground, tmp_path / "on", "reference", planned(ground, kept), tmp_path / start.name)
    with pytest.raises(InputMismatch, match=r"expected checkpoint step-000004\.safetensors of revision 1, got none"):
        train(ground, tmp_path / "without", "reference", planned(ground, kept))


Tensors = dict[str, RawTensor]
DEFECTS: dict[str, tuple[Callable[[Tensors], Tensors], str]] = {
    "another name": (lambda t: {("x" if n == TENSOR_B else n): v for n, v in t.items()}, "expected"),
    "a missing tensor": (lambda t: {n: v for n, v in t.items() if n != TENSOR_B}, "expected"),
    "nan": (lambda t: {**t, TENSOR_B: _filled(t[TENSOR_B], np.nan)}, "expected finite values"),
    "a negative mean square": (
        lambda t: {**t, "adamw.lora_A.square": _filled(t["adamw.lora_A.square"], -1.0)},
        "expected mean squares, got negative values",
    ),
    "another shape": (lambda t: {**t, TENSOR_B: RawTensor("F32", (1, 1), b"\0" * 4)}, "expected"),
}


def _filled(tensor: RawTensor, value: float) -> RawTensor:
    return RawTensor(tensor.dtype, tensor.shape, np.full(tensor.shape, value, "<f4").tobytes())


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_checkpoint_that_is_not_one_of_this_work_is_refused(ground: Ground, tmp_path: Path, defect: str) -> None:
    assignment = planned(ground)
    train(ground, tmp_path / "whole", "reference", assignment)
    path = tmp_path / "whole" / "checkpoints" / "step-000002.safetensors"
    change, message = DEFECTS[defect]
    good, metadata = read_tensors(path.read_bytes(), name=path.name)
    path.write_bytes(write_tensors(change(good), metadata))
    with pytest.raises(StateFileError, match=message):
        read_state(path, assignment, 2)


def test_a_checkpoint_of_another_step_is_refused(ground: Ground, tmp_path: Path) -> None:
    assignment = planned(ground)
    train(ground, tmp_path / "whole", "reference", assignment)
    with pytest.raises(StateFileError):
        read_state(tmp_path / "whole" / "checkpoints" / "step-000002.safetensors", assignment, 4)
