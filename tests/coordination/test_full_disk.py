"""A job of the coordinator that has no room: the machine's matter, as if the coordinator itself had met it."""

import errno
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from console.coordination import engine as engine_module
from console.coordination.due import Command
from console.coordination.engine import Engine
from console.coordination.errors import JobFailed
from console.coordination.job import run_job
from runners.contract.document import Word
from runners.contract.jobs import CutJob, CutPart, CutResult, Progress
from runners.training.shards import write_shard
from tests.coordination.bare_desk import BareDesk
from tests.live.rig import ROOT
from tests.small_disk import CannotMountError, small_disk
from tests.training.problems import shard

FULL = Path("/dev/full")


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for the smallest files only."""
    try:
        with small_disk(tmp_path / "small", "size=16k"):
            yield tmp_path / "small"
    except CannotMountError as error:
        pytest.skip(str(error))


def cut_job(folder: Path, out_dir: Path) -> CutJob:
    write_shard(folder / "shard.safetensors", shard(hidden_size=128))
    return CutJob(
        shards=(str(folder / "shard.safetensors"),), model_dir=str(ROOT / "fixtures" / "swarm" / "base"),
        parts=(CutPart(name="slice.safetensors", sample_indices=tuple(range(40))),), initial_name="initial.safetensors",
        seed=1, rank=8, out_dir=str(out_dir),
    )  # fmt: skip


def ignore(_: Progress) -> None:
    pass


async def test_a_job_without_room_is_refused_by_the_machine(tmp_path: Path, full_disk: Path) -> None:
    with pytest.raises(OSError, match=r"cut: .*No space left") as caught:
        await run_job("cut", cut_job(tmp_path, full_disk / "out"), CutResult, ignore, log=full_disk / "log.txt")
    assert caught.value.errno == errno.ENOSPC
    assert list((full_disk / "out").glob("*.safetensors")) == []  # no half file


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
async def test_what_went_wrong_is_told_even_where_the_log_has_no_room(tmp_path: Path) -> None:
    job = cut_job(tmp_path, tmp_path / "out")
    Path(job.shards[0]).write_bytes(b"no shard")
    with pytest.raises(JobFailed, match="cut: shard_error"):
        await run_job("cut", job, CutResult, ignore, log=FULL)


async def test_a_failure_that_cannot_be_recorded_ends_the_coordinator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor can it be told in the log, which lies on the same disk."""

    def no_room(_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    class FullDesk(BareDesk):
        def note(self, body: Word) -> None:
            no_room(body)

    async def work(_: object) -> None:
        raise JobFailed("merge: expected a result")

    monkeypatch.setitem(engine_module.RUN_WORKS, "merge", work)
    monkeypatch.setattr("sys.stderr", SimpleNamespace(write=no_room))
    engine = Engine(cast(Any, FullDesk()))
    await engine._do(Command("merge", None))
    with pytest.raises(OSError, match=r"No space left"):
        await engine.run()
