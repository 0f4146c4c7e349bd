"""A replay as a conversation: the process gets the start of a segment only after it wrote the end of the one before."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from console.coordination.errors import JobFailed
from console.coordination.job import JobProcess, OnProgress
from runners.contract.jobs import ReplayJob, ReplayResult, SegmentResult, SegmentStart
from runners.contract.plan import Assignment, checkpoints_after


@dataclass(frozen=True)
class Stretch:
    """One segment of an assignment, by its finished steps: after `start` up to and with `end`."""

    start: int
    end: int


def stretches(assignment: Assignment) -> tuple[Stretch, ...]:
    """From the assigned start to the adapter, checkpoint by checkpoint."""
    ends = (*checkpoints_after(assignment.recipe), assignment.recipe.steps)
    return tuple(Stretch(start, end) for start, end in zip((0, *ends), ends, strict=False))


async def replay_segments(
    job: ReplayJob, checkpoint: Callable[[int], Path], on_progress: OnProgress, *, log: Path
) -> tuple[tuple[SegmentResult, ...], ReplayResult]:
    """Every segment in order; their files lie in the job's folder. `checkpoint(step)` is the contributor's after
    that step. Raises JobFailed."""
    done: list[SegmentResult] = []
    async with JobProcess.start("replay", job, log=log) as process:
        for stretch in stretches(job.assignment):
            start = SegmentStart(
                first_step=stretch.start + 1,
                checkpoint_path=str(checkpoint(stretch.start)) if stretch.start else None,
            )
            await process.send(start)
            result = await process.answer(SegmentResult, on_progress)
            if (result.first_step, result.last_step) != (stretch.start + 1, stretch.end):
                raise JobFailed(
                    f"replay: expected steps {stretch.start + 1} to {stretch.end}, "
                    f"got {result.first_step} to {result.last_step}"
                )
            done.append(result)
        return tuple(done), await process.finish(ReplayResult, on_progress)
