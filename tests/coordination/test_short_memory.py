"""Jobs that this machine has no room for: told with the figures before anything is read, and after the kernel ended
one, as far as that can be told."""

import asyncio
import errno
import json
import os
import signal
from pathlib import Path

import pytest

from console.coordination.errors import JobEnded
from console.coordination.job import JobProcess, run_job
from runners.contract.jobs import Progress, ScoreJob, ScoreResult, ScoreSubject, SegmentResult
from runners.training.shards import write_shard
from tests.patience import PATIENCE_S
from tests.training.assignments import replay_job
from tests.training.problems import shard

VOCABULARY, HIDDEN = 1 << 21, 1 << 17  # half a tebibyte in bf16: a hole in a file


def ignore(_: Progress) -> None:
    pass


def huge_head(folder: Path) -> None:
    config = {"model_type": "gpt_oss", "vocab_size": VOCABULARY, "hidden_size": HIDDEN}
    (folder / "config.json").write_text(json.dumps(config))
    size = VOCABULARY * HIDDEN * 2
    header = json.dumps({"lm_head.weight": {"dtype": "BF16", "shape": [VOCABULARY, HIDDEN], "data_offsets": [0, size]}})
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header.encode())
        file.truncate(8 + len(header) + size)


async def test_a_scoring_without_room_is_refused_by_the_machine_with_both_figures(tmp_path: Path) -> None:
    huge_head(tmp_path)
    write_shard(tmp_path / "held_out.safetensors", shard())
    job = ScoreJob(
        model_dir=str(tmp_path), head_sha256="0" * 64, held_out_path=str(tmp_path / "held_out.safetensors"),
        subjects=(ScoreSubject(subject="base", adapter_path=None, alpha=8.0, rank=4),),
        backend="torch", threads=1, chunk_tokens=64,
    )  # fmt: skip

    said = r"score: chunks of 16 tokens; host: \d+ MiB needed \(head 524288, .*\), \d+ MiB free; end what else holds"
    with pytest.raises(OSError, match=said) as caught:
        await run_job("score", job, ScoreResult, ignore, log=tmp_path / "log.txt")
    assert caught.value.errno == errno.ENOMEM


async def killed(running: JobProcess) -> None:
    os.kill(running._process.pid, signal.SIGKILL)
    await running.answer(SegmentResult, ignore)


async def test_a_job_that_the_kernel_ended_is_out_of_memory_with_what_it_had_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kill is real, the kernel's count is not: a control group needs root."""
    counts = iter([7, 8])
    monkeypatch.setattr("console.coordination.job.kernel_kills", lambda: next(counts))
    asked, log = replay_job(tmp_path), tmp_path / "log.txt"
    async with asyncio.timeout(PATIENCE_S), JobProcess.start("replay", asked, log=log) as job:
        answer = asyncio.create_task(job.answer(SegmentResult, ignore))
        while not job._counted:
            await asyncio.sleep(0.01)
        os.kill(job._process.pid, signal.SIGKILL)
        with pytest.raises(
            OSError, match=r"replay: ended by the kernel, out of memory: \d+ MiB were free as it"
        ) as told:
            await answer
    assert told.value.errno == errno.ENOMEM
    assert "are now; it had counted: chunks of " in str(told.value)
    assert "; end what else holds memory here" in str(told.value)


@pytest.mark.parametrize(
    ("count", "told"),
    [(7, "not for want of memory, by the kernel's own count"), (None, "by whom can't be told here")],
)
async def test_a_job_that_somebody_killed_is_not_called_short_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int | None, told: str
) -> None:
    monkeypatch.setattr("console.coordination.job.kernel_kills", lambda: count)
    async with JobProcess.start("replay", replay_job(tmp_path), log=tmp_path / "log.txt") as job:
        with pytest.raises(JobEnded, match=f"replay: expected a result, got an end by SIGKILL without one, {told}"):
            await killed(job)


async def test_a_library_that_aborts_is_told_with_what_it_said_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Metal does where macOS' GPU watchdog ends its work; the line is as others reported it, the abort is real."""
    metal = "[METAL] Command buffer execution failed: Impacting Interactivity"
    stand_in, log = tmp_path / "python", tmp_path / "log.txt"
    stand_in.write_text(f"#!/bin/sh\necho 'libc++abi: terminating: {metal}' >&2\nread line\nkill -ABRT $$\n")
    stand_in.chmod(0o755)
    log.write_text("another job's last words\n")
    monkeypatch.setattr("console.coordination.job.sys.executable", str(stand_in))
    with pytest.raises(JobEnded, match="an end by SIGABRT without one") as told:
        async with JobProcess.start("replay", replay_job(tmp_path), log=log) as job:
            await job.answer(SegmentResult, ignore)
    assert f"it said last: libc++abi: terminating: {metal}; see log.txt" in str(told.value)


async def test_a_library_that_aborts_in_silence_is_not_told_with_anothers_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in, log = tmp_path / "python", tmp_path / "log.txt"
    stand_in.write_text("#!/bin/sh\nread line\nkill -ABRT $$\n")
    stand_in.chmod(0o755)
    log.write_text("another job's last words\n")
    monkeypatch.setattr("console.coordination.job.sys.executable", str(stand_in))
    with pytest.raises(JobEnded, match=r"an end by SIGABRT without one \(.*\); see log.txt"):
        async with JobProcess.start("replay", replay_job(tmp_path), log=log) as job:
            await job.answer(SegmentResult, ignore)
