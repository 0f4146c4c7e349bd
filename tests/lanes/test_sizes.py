"""What no run of a lane could bring to its end is refused when the lane is read, not hours later."""

from pathlib import Path

import pytest

from console.coordination.errors import LaneFileError
from console.coordination.lane_file import load_lane
from console.places import data_dir

LOOPBACK = (data_dir("fixtures") / "swarm" / "lanes" / "loopback.toml").read_text().splitlines()


def lane(folder: Path, **changes: str) -> str:
    lines = [f"{name} = {changes[name]}" if (name := line.partition(" ")[0]) in changes else line for line in LOOPBACK]
    path = folder / "own.toml"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_more_training_states_than_a_bundle_may_hold_are_refused(tmp_path: Path) -> None:
    most = {"batch_samples": "1", "checkpoint_steps": "20"}
    assert load_lane(lane(tmp_path, steps="80001", **most)).recipe.steps == 80_001
    with pytest.raises(LaneFileError, match=r"at most 16000 training states.*got 2 x 4001 x 2 = 16004"):
        load_lane(lane(tmp_path, steps="80021", **most))


def test_a_plan_of_hundreds_of_megabytes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LaneFileError, match="take fewer steps"):
        load_lane(lane(tmp_path, steps="320001", batch_samples="1", checkpoint_steps="20"))
