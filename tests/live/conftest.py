from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live.rig import LiveRun, fast_lane

pytestmark = pytest.mark.live
MakeRun = Callable[..., LiveRun]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Hidden states are captured once; runs of one session share them, whichever comes first."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "prepared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def make_run(tmp_path: Path, prepared: Path) -> Iterator[MakeRun]:
    made: list[LiveRun] = []

    def make(run_id: str = "run-live", **lane: str) -> LiveRun:
        made.append(LiveRun(tmp_path, prepared, fast_lane(tmp_path, **lane), run_id))
        return made[-1]

    yield make
    for run in made:
        run.end()
