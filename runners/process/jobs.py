"""The validator's jobs as processes: one JSON line in, progress lines, one result line."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from runners.contract.document import Word
from runners.contract.jobs import (
    CaptureJob,
    Counted,
    CutJob,
    LmHeadBenchJob,
    Progress,
    ReplayJob,
    ScoreJob,
    SegmentStart,
    SmokeJob,
)
from runners.process.settings import HostSettings
from runners.process.wire import Wire

if TYPE_CHECKING:  # brings the array libraries
    from runners.training.backend import StepResult


def cut(_settings: HostSettings, wire: Wire) -> Word:
    job = wire.read(CutJob)
    from runners.training import jobs

    return jobs.cut(job)


def replay(_settings: HostSettings, wire: Wire) -> Word:
    job = wire.read(ReplayJob)
    total = len(job.assignment.batches)
    wire.write(Progress(stage="prepare", done=0, total=total))
    from runners.process.memory_plan import choose_chunk
    from runners.training.jobs import Replay

    def on_step(result: "StepResult") -> None:
        wire.write(Progress(stage="train", done=result.step, total=total, detail=f"loss {result.loss:.4f}"))

    again = Replay(job, partial(choose_chunk, on_counted=_counted(wire)))
    while (start := wire.read_next(SegmentStart)) is not None:
        wire.write(again.segment(start, on_step))
    return again.result()


def score(_settings: HostSettings, wire: Wire) -> Word:
    job = wire.read(ScoreJob)
    wire.write(Progress(stage="score", done=0, total=len(job.subjects)))
    from runners.process.memory_plan import choose_chunk
    from runners.training import jobs

    return jobs.score(job, partial(choose_chunk, on_counted=_counted(wire)))


def capture(_settings: HostSettings, wire: Wire) -> Word:
    job = wire.read(CaptureJob)
    wire.write(Progress(stage="import", done=0, total=1))
    from runners.training.capture import capture as run_capture

    return run_capture(job, wire.write, on_counted=_counted(wire))


def smoke(_settings: HostSettings, wire: Wire) -> Word:
    job = wire.read(SmokeJob)
    wire.write(Progress(stage="import", done=0, total=2))
    from runners.training.peft_smoke import smoke as run_smoke

    wire.write(Progress(stage="smoke", done=1, total=2))
    return run_smoke(job)


def bench_lmhead(_settings: HostSettings, wire: Wire) -> Word:
    job = wire.read(LmHeadBenchJob)
    wire.write(Progress(stage="import", done=0, total=1))
    from runners.training.bench_lmhead import bench_lmhead as run_bench

    total = len(job.contenders) * (job.rounds + 1)
    return run_bench(
        job, lambda done, detail: wire.write(Progress(stage="bench", done=done, total=total, detail=detail))
    )


def _counted(wire: Wire) -> Callable[[str], None]:
    return lambda told: wire.write(Counted(counted=told))


JOB_HANDLERS: dict[str, Callable[[HostSettings, Wire], Word]] = {
    "capture": capture,
    "cut": cut,
    "replay": replay,
    "score": score,
    "smoke": smoke,
    "bench_lmhead": bench_lmhead,
}
