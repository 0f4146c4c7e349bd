"""Room for a training, asked again on the host before any work is read."""

from dataclasses import replace
from pathlib import Path

import pytest

from runners.contract.jobs import ReplayJob, ScoreJob, ScoreSubject, SegmentStart
from runners.process.errors import Refused
from runners.process.memory_plan import choose_chunk, require_memory
from runners.training import memory
from runners.training.backends import load
from runners.training.jobs import Replay, score
from tests.training.assignments import BASE, Ground, assignment_over, lay_ground


def test_a_host_that_lost_its_room_since_the_bring_up_refuses_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assignment = assignment_over(lay_ground(tmp_path), 0)
    backend = load("reference", threads=1, chunk_tokens=assignment.execution.chunk_tokens)
    told = list[str]()
    require_memory(assignment, backend, told.append)
    monkeypatch.setattr("runners.process.memory_plan.free_memory", lambda *_, **__: {"host": 1 << 20})
    with pytest.raises(Refused, match="1 MiB free; end what else holds memory here") as refused:
        require_memory(assignment, backend, told.append)
    assert [line.partition(" tokens; host: ")[0] for line in told] == ["chunks of 64", "chunks of 64"]
    assert refused.value.reason == "memory_short"


def test_a_replay_takes_the_largest_chunk_that_there_is_room_for_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    work, backend = memory.Workload(200_000, 64, 8, 2, 4096), load("reference", threads=1, chunk_tokens=512)
    (whole,) = memory.needs_of(memory.needed("reference.cpu", work, 512, memory.Tiling(0, 0)), {"host": 0})
    chosen, told = [], list[str]()
    for free in (whole.needed_bytes, whole.needed_bytes - 1):
        monkeypatch.setattr("runners.process.memory_plan.free_memory", lambda *_, free=free, **__: {"host": free})
        chosen.append(choose_chunk(work, backend, told.append))
    assert chosen == [512, 256]
    assert [line.partition(" tokens; host: ")[0] for line in told] == ["chunks of 512", "chunks of 256"]
    assert (
        "room for smaller chunks than the 512 tokens asked for: chunks of 256 tokens; host: " in capsys.readouterr().err
    )


def test_a_scoring_counts_no_moments_and_in_torch_no_logits_of_a_whole_chunk() -> None:
    training = memory.Workload(200_000, 2880, 16, 2, 4096)
    scoring = replace(training, trains=False)
    (one,), (other,) = (
        memory.needs_of(memory.needed("torch.cpu", work, 512, memory.Tiling(256, 2816, 2)), {"host": 0})
        for work in (training, scoring)
    )
    assert one.needed_bytes - other.needed_bytes == 10 * training.adapter + training.logits(512)


def replay_job(ground: Ground, out: Path) -> ReplayJob:
    return ReplayJob(
        assignment=assignment_over(ground, 0), model_dir=str(BASE), slice_path=str(ground.slice_path(0)),
        initial_adapter_path=str(ground.initial_path), backend="reference", out_dir=str(out),
    )  # fmt: skip


def test_a_replay_in_smaller_chunks_tells_the_chunk_that_it_took(tmp_path: Path) -> None:
    job = replay_job(lay_ground(tmp_path), tmp_path / "again")
    again = Replay(job, lambda _work, backend: backend.chunk_tokens // 2)
    again.segment(SegmentStart(first_step=1, checkpoint_path=None))
    assert again.result().execution.chunk_tokens == job.assignment.execution.chunk_tokens // 2


def test_jobs_without_room_say_so_before_they_read_the_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ground = lay_ground(tmp_path)
    scoring = ScoreJob(
        model_dir=str(BASE), head_sha256="0" * 64, held_out_path=str(ground.slice_path(0)),
        subjects=(ScoreSubject(subject="base", adapter_path=None, alpha=1.0, rank=1),),
        backend="reference", threads=1, chunk_tokens=64,
    )  # fmt: skip

    def none(_work: memory.Workload, _backend: object) -> int:
        raise Refused("enomem", "no room")

    monkeypatch.setattr("runners.training.jobs.load_head", pytest.fail)
    monkeypatch.setattr("runners.training.contribution.load_head", pytest.fail)
    with pytest.raises(Refused, match="no room"):
        Replay(replay_job(ground, tmp_path / "again"), none)
    with pytest.raises(Refused, match="no room"):
        score(scoring, none)
