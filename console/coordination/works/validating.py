"""The validator's first work: every slice again in a fresh process, segment by segment, each held against the
contributor's own checkpoints."""

import asyncio
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from console.coordination.desk import Desk
from console.coordination.errors import JobFailed
from console.coordination.replaying import replay_segments
from console.coordination.works.checkpoints import lineage
from console.coordination.works.preparing import read_plan
from console.validation.replay_comparison import Comparison, Segment, compare, worst
from console.validation.training_state import State, of_adapter, read_state
from runners.contract import coordinator_records as rec
from runners.contract.execution import ExecutionSettings
from runners.contract.jobs import Progress, ReplayJob, ReplayResult, SegmentResult
from runners.contract.lane import PairTolerance
from runners.contract.plan import ADAPTER_FILE, RECEIPT_FILE, Assignment, CheckpointRef
from runners.contract.receipts import ContributorReceipt, ReplayReceipt, SegmentReplay
from runners.contract.states import ReplayOutcome
from runners.records.durable import read_regular, write_durable
from runners.records.training_state import most_bytes


async def replay(desk: Desk, node_id: str) -> None:
    """The replay process gets assignment, slice and head, and one segment's start after the other."""
    assignment = read_plan(desk).assignment(node_id)
    folder = desk.paths.scratch / f"replay_{node_id}_e{desk.journal.epoch}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    job = ReplayJob(
        assignment=assignment,
        model_dir=desk.spec.model_dir,
        slice_path=str(desk.paths.artifacts / assignment.slice.shard.name),
        initial_adapter_path=str(desk.paths.artifacts / assignment.initial_adapter.name),
        backend=desk.contract.governance.replay_backend,
        out_dir=str(folder),
    )
    work = Work.of(desk, assignment, folder)

    def on_progress(progress: Progress) -> None:
        desk.working("replay", node_id, progress.done, progress.total, progress.stage)

    try:
        results, result = await replay_segments(job, work.checkpoint, on_progress, log=desk.paths.log)
    except JobFailed as error:
        desk.note(_failed(desk, node_id, str(error)))
        return
    segments = await asyncio.to_thread(work.compare, results, result.execution)
    _judge(desk, work, results, result, segments)


@dataclass
class Work:
    """One contribution with everything that its replay is compared with. Three states are held at a time."""

    assignment: Assignment
    receipt: ContributorReceipt
    kept: dict[int, CheckpointRef]  # by step
    tolerance: PairTolerance
    exact_owed: bool  # under equal settings
    artifacts: Path
    checkpoints: Path
    scratch: Path  # where the replay process writes
    comparisons: list[Comparison] = field(default_factory=list)

    @classmethod
    def of(cls, desk: Desk, assignment: Assignment, scratch: Path) -> "Work":
        node_id, governance = assignment.node_id, desk.contract.governance
        raw = (desk.paths.artifacts / node_id / RECEIPT_FILE).read_bytes()
        return cls(
            assignment,
            ContributorReceipt.read(raw),
            {ref.step: ref for ref in lineage(desk, node_id)},
            governance.tolerance(desk.contract.node(node_id).backend, governance.replay_backend),
            governance.same_backend_exact,
            desk.paths.artifacts,
            desk.paths.checkpoints(node_id),
            scratch,
        )

    def checkpoint(self, step: int) -> Path:
        """The contributor's own, kept as it was journaled."""
        return self.checkpoints / self.kept[step].file.name

    def compare(self, results: tuple[SegmentResult, ...], settings: ExecutionSettings) -> tuple[SegmentReplay, ...]:
        """Each segment with what was measured, in order. Raises TensorFileError, UnsafePath."""
        start, start_sha256 = self._initial(), self.assignment.initial_adapter.sha256
        segments = []
        for result in results:
            end, end_sha256 = self._contributed(result.last_step)
            losses = self.receipt.step_losses[result.first_step - 1 : result.last_step]
            replayed = self._state(self.scratch / result.file.name, result.last_step)
            found = compare(
                Segment(start, end, replayed, losses, result.step_losses),
                self.tolerance,
                same_settings=settings == self.receipt.execution == self.assignment.execution,
                exact_owed=self.exact_owed,
            )
            self.comparisons.append(found)
            segments.append(
                SegmentReplay(
                    first_step=result.first_step,
                    last_step=result.last_step,
                    start_sha256=start_sha256,
                    end_sha256=end_sha256,
                    replayed=result.file,
                    outcome=found.outcome,
                    distances=found.distances,
                    max_loss_difference=found.max_loss_difference,
                )
            )
            start, start_sha256 = end, end_sha256
        return tuple(segments)

    def _initial(self) -> State:
        path = self.artifacts / self.assignment.initial_adapter.name
        return of_adapter(path.read_bytes(), self.assignment, name=path.name)

    def _contributed(self, step: int) -> tuple[State, str]:
        if step == self.assignment.recipe.steps:
            path = self.artifacts / self.assignment.node_id / ADAPTER_FILE
            return self._state(path, step), self.receipt.adapter.sha256
        return self._state(self.checkpoint(step), step), self.kept[step].file.sha256

    def _state(self, path: Path, step: int) -> State:
        raw = read_regular(path, limit=most_bytes(self.assignment))
        if step == self.assignment.recipe.steps:
            return of_adapter(raw, self.assignment, name=path.name)
        return read_state(raw, self.assignment, step, name=path.name)


def _judge(
    desk: Desk,
    work: Work,
    results: tuple[SegmentResult, ...],
    result: ReplayResult,
    segments: tuple[SegmentReplay, ...],
) -> None:
    node_id = work.assignment.node_id
    target = desk.paths.artifacts / f"replayed_{node_id}"
    shutil.rmtree(target, ignore_errors=True)
    work.scratch.rename(target)
    losses = tuple(loss for each in results for loss in each.step_losses)
    receipt = _receipt(desk, work, result, segments, losses)
    write_durable(desk.paths.receipts / f"replay_{node_id}.json", receipt.to_bytes())
    exact = sum(segment.outcome == "exact" for segment in segments)
    desk.note(
        rec.ReplayJudged(
            node_id=node_id,
            outcome=ReplayOutcome(receipt.outcome),
            backend_label=result.device.backend_label,
            relative_difference=receipt.relative_difference,
            relative_bound=work.tolerance.relative_bound,
            max_loss_difference=receipt.max_loss_difference,
            loss_bound=work.tolerance.loss_bound,
            segments=len(segments),
            exact_segments=exact,
            receipt_digest=receipt.digest,
            replayed_sha256=segments[-1].replayed.sha256,
            detail=f"{len(losses)} steps in {len(segments)} segments, {result.seconds:.1f} s",
        )
    )


def _receipt(
    desk: Desk, work: Work, result: ReplayResult, segments: tuple[SegmentReplay, ...], losses: tuple[float, ...]
) -> ReplayReceipt:
    assignment, receipt = work.assignment, work.receipt
    return ReplayReceipt.seal(
        run_id=desk.spec.run_id,
        window_id=assignment.window_id,
        revision=assignment.revision,
        node_id=assignment.node_id,
        assignment_digest=assignment.digest,
        contributor_backend_label=receipt.device.backend_label,
        replay_device=result.device,
        replay_software=result.software,
        contributor_execution=receipt.execution,
        replay_execution=result.execution,
        contribution_sha256=receipt.adapter.sha256,
        continued_from=assignment.start,
        segments=segments,
        outcome=worst(tuple(segment.outcome for segment in segments)),
        relative_difference=max(found.relative_difference for found in work.comparisons),
        max_loss_difference=max(segment.max_loss_difference for segment in segments),
        tolerance=work.tolerance,
        step_losses=losses,
        replay_seconds=result.seconds,
    )


def _failed(desk: Desk, node_id: str, detail: str) -> rec.ReplayJudged:
    governance = desk.contract.governance
    tolerance = governance.tolerance(desk.contract.node(node_id).backend, governance.replay_backend)
    return rec.ReplayJudged(
        node_id=node_id,
        outcome=ReplayOutcome.FAILED,
        backend_label=f"not_replayed.{governance.replay_backend}",
        relative_difference=None,
        relative_bound=tolerance.relative_bound,
        max_loss_difference=None,
        loss_bound=tolerance.loss_bound,
        segments=0,
        exact_segments=0,
        receipt_digest=None,
        replayed_sha256=None,
        detail=detail[:4000],
    )
