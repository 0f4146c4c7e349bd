"""A drill waits for the coordinator that wrote its bundle, and not for ever."""

from pathlib import Path

import pytest

from console.coordination.lane_file import load_lane
from console.coordination.paths import RunPaths
from console.drills.errors import CoordinatorStays
from console.drills.faults import SetBefore
from console.drills.rehearsal import Rehearsal
from runners.records.lock import FolderLock


@pytest.fixture
def rehearsal(tmp_path: Path) -> Rehearsal:
    """Of a run whose bundle is closed; who holds the lock is the test's matter."""
    paths = RunPaths.of(tmp_path, "scratch", load_lane("loopback"), 0)
    paths.coordinator.mkdir(parents=True)
    return Rehearsal(paths, "n0", SetBefore(), lambda _: None)


def test_a_coordinator_that_left_is_not_waited_for(rehearsal: Rehearsal) -> None:
    rehearsal.until_left(0)


def test_a_coordinator_that_stays_is_named_with_what_to_do(rehearsal: Rehearsal) -> None:
    rehearsal._pid = 4711
    with FolderLock(rehearsal.paths.coordinator), pytest.raises(CoordinatorStays) as caught:
        rehearsal.until_left(0.1)
    for told in ("run scratch", "within 0.1 s", "process 4711", "kill -9 4711", "swarm evidence scratch", "log.txt"):
        assert told in str(caught.value)


def test_who_asks_to_end_waits_no_longer(rehearsal: Rehearsal) -> None:
    rehearsal.stop = lambda: True
    with FolderLock(rehearsal.paths.coordinator), pytest.raises(CoordinatorStays):
        rehearsal.until_left(600)
