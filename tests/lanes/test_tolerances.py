"""A lane says how far a replay may be from the work of each of its backends, or it is none."""

import json
from pathlib import Path

import pytest

from console.coordination.errors import LaneFileError
from console.coordination.lane_file import load_lane
from console.evidence.checks.tolerance import tolerance_of
from console.places import data_dir

TEXT = (data_dir("fixtures") / "swarm" / "lanes" / "loopback.toml").read_text()
MARK = "[[governance.tolerances]]"


@pytest.mark.parametrize(
    ("contributor", "replay"), [("torch", "mlx"), ("mlx", "mlx"), ("torch", "reference"), ("mlx", "reference")]
)
def test_a_device_family_without_a_tolerance_is_refused_by_name(tmp_path: Path, contributor: str, replay: str) -> None:
    pair = f'contributor = "{contributor}"\nreplay = "{replay}"\n'
    before, *entries = TEXT.split(MARK)
    kept = [entry for entry in entries if pair not in entry]
    assert len(kept) == len(entries) - 1
    rest = entries[-1][entries[-1].index("[data]") :] if pair in entries[-1] else ""
    (tmp_path / "own.toml").write_text(MARK.join([before, *kept]) + rest)
    with pytest.raises(LaneFileError, match=f"no tolerance for work of {contributor} replayed by {replay}"):
        load_lane(str(tmp_path / "own.toml"))


def test_the_checker_knows_no_tolerance_for_a_family_that_the_contract_does_not_name() -> None:
    governance = json.loads(load_lane("loopback").to_bytes())["governance"]
    assert tolerance_of(governance, "torch", "mlx") is not None
    assert tolerance_of(governance, "jax", "mlx") is None
    assert tolerance_of(governance, "torch", "jax") is None
