"""A job of the coordinator without room, in a whole run: nobody is blamed, and the run goes on once there is some."""

from pathlib import Path

import pytest

from console.evidence.checks.real_run import check_real_run
from tests.live.rig import LiveRun, assert_gone, fast_lane, finish
from tests.small_disk import CannotMountError, grow, small_disk


@pytest.mark.soak
@pytest.mark.live
@pytest.mark.timeout(300)
def test_a_capture_without_room_ends_the_coordinator_and_the_run_goes_on_later(tmp_path: Path) -> None:
    """Captured states lie on a disk of their own, so that the coordinator's own records have all the room they want."""
    prepared = tmp_path / "prepared"
    try:
        with small_disk(prepared, "size=16k"):
            run = LiveRun(tmp_path, prepared, fast_lane(tmp_path))
            try:
                _without_room(run)
                grow(prepared, "64m")
                code, _, err = finish(run.swarm("attach", run.run_id))
                assert code == 0, err[-3000:]
                assert check_real_run(run.bundle).findings == ()
                assert_gone(run)
            finally:
                run.end()
    except CannotMountError as error:
        pytest.skip(str(error))


def _without_room(run: LiveRun) -> None:
    code, _, err = finish(run.start())
    assert code == 1
    assert "of free disk for this capture" in err
    assert "attach" in err
    assert not run.bundle.exists()
    assert not run.has("work_failed") and not run.has("closed")
