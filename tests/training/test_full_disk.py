"""A disk that is full as a training checkpoint is written: told with its place, nothing half written, and the work goes
on from the checkpoint before once there is room."""

import errno
from pathlib import Path

import pytest

from runners.contract.jobs import BackendName
from runners.contract.plan import ADAPTER_FILE, CheckpointRef
from runners.records.tensors import read_tensors
from runners.training.state_file import read_state
from tests.small_disk import CannotMountError, grow, small_disk
from tests.training.assignments import Ground, lay_ground
from tests.training.continuing import EVERY, planned, train
from tests.training.problems import BACKENDS


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return lay_ground(tmp_path_factory.mktemp("ground"))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_checkpoint_without_room_leaves_the_one_before_it_to_go_on_from(
    ground: Ground, tmp_path: Path, backend: BackendName
) -> None:
    whole = train(ground, tmp_path / "whole", backend, planned(ground))
    room = int(1.5 * whole.checkpoints[0].file.size_bytes) >> 10
    place = tmp_path / "small"
    try:
        with small_disk(place, f"size={room}k"):
            with pytest.raises(OSError, match=r"No space left on device: '.*/step-000004\.safetensors'") as told:
                train(ground, place / "cut", backend, planned(ground))
            assert told.value.errno == errno.ENOSPC
            left = [path.name for path in (place / "cut").rglob("*") if path.is_file()]
            assert left == [f"step-{EVERY:06d}.safetensors"]
            kept = read_state(place / "cut" / "checkpoints" / left[0], planned(ground), EVERY).file
            assert kept == whole.checkpoints[0].file
            grow(place, "64m")
            refs = (CheckpointRef(revision=1, step=EVERY, file=kept),)
            start = place / "cut" / "checkpoints" / left[0]
            again = train(ground, place / "on", backend, planned(ground, refs), start)
            done, undisturbed = (
                read_tensors((folder / "out" / ADAPTER_FILE).read_bytes(), name=ADAPTER_FILE)[0]
                for folder in (place / "on", tmp_path / "whole")
            )
            assert done == undisturbed
            assert again.continued_from == refs[-1]
    except CannotMountError as error:
        pytest.skip(str(error))
