"""The validator's work: every slice again in a fresh process, then held-out loss."""

import shutil

from console.coordination.desk import Desk
from console.coordination.errors import JobFailed
from console.coordination.job import run_job
from console.coordination.planning import HELD_OUT_FILE
from console.coordination.works.preparing import read_plan
from console.validation.adapter import read_adapter
from console.validation.replay_comparison import Comparison, compare
from runners.contract import coordinator_records as rec
from runners.contract.jobs import Progress, ReplayJob, ReplayResult, ScoreJob, ScoreResult, ScoreSubject
from runners.contract.plan import ADAPTER_FILE, RECEIPT_FILE, Assignment
from runners.contract.receipts import ContributorReceipt, ReplayReceipt, ScoreReceipt
from runners.contract.states import ReplayOutcome
from runners.records.durable import write_durable


async def replay(desk: Desk, node_id: str) -> None:
    """The replay process gets assignment, slice, start and head; it never sees the contribution."""
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

    def on_progress(progress: Progress) -> None:
        desk.working("replay", node_id, progress.done, progress.total, progress.stage)

    try:
        result = await run_job("replay", job, ReplayResult, on_progress, log=desk.paths.log)
    except JobFailed as error:
        desk.note(_failed(desk, node_id, str(error)))
        return
    replayed = (folder / ADAPTER_FILE).read_bytes()
    _judge(desk, node_id, assignment, result, replayed)


def _judge(desk: Desk, node_id: str, assignment: Assignment, result: ReplayResult, replayed: bytes) -> None:
    contributed = desk.paths.artifacts / node_id
    receipt = ContributorReceipt.read((contributed / RECEIPT_FILE).read_bytes())
    raw = (contributed / ADAPTER_FILE).read_bytes()
    alpha = assignment.adapter.alpha
    comparison = compare(
        read_adapter(raw, alpha=alpha, name=node_id),
        receipt.step_losses,
        read_adapter(replayed, alpha=alpha, name=f"replay of {node_id}"),
        result.step_losses,
        desk.contract.governance,
        same_backend=receipt.device == result.device,
    )
    target = desk.paths.artifacts / f"replayed_{node_id}"
    target.mkdir(exist_ok=True)
    write_durable(target / ADAPTER_FILE, replayed)
    replay_receipt = _receipt(desk, assignment, receipt, result, comparison)
    write_durable(desk.paths.receipts / f"replay_{node_id}.json", replay_receipt.to_bytes())
    desk.note(
        rec.ReplayJudged(
            node_id=node_id,
            outcome=ReplayOutcome(comparison.outcome),
            backend_label=result.device.backend_label,
            relative_difference=comparison.relative_difference,
            relative_bound=desk.contract.governance.replay_relative_bound,
            max_loss_difference=comparison.max_loss_difference,
            loss_bound=desk.contract.governance.replay_loss_bound,
            receipt_digest=replay_receipt.digest,
            replayed_sha256=result.adapter.sha256,
            detail=f"{len(result.step_losses)} steps in {result.seconds:.1f} s",
        )
    )


def _receipt(
    desk: Desk, assignment: Assignment, receipt: ContributorReceipt, result: ReplayResult, comparison: Comparison
) -> ReplayReceipt:
    return ReplayReceipt.seal(
        run_id=desk.spec.run_id,
        window_id=assignment.window_id,
        revision=assignment.revision,
        node_id=assignment.node_id,
        assignment_digest=assignment.digest,
        contributor_backend_label=receipt.device.backend_label,
        replay_device=result.device,
        replay_software=result.software,
        contribution_sha256=receipt.adapter.sha256,
        replayed_adapter=result.adapter,
        outcome=comparison.outcome,
        relative_difference=comparison.relative_difference,
        relative_bound=desk.contract.governance.replay_relative_bound,
        max_loss_difference=comparison.max_loss_difference,
        loss_bound=desk.contract.governance.replay_loss_bound,
        step_losses=result.step_losses,
        replay_seconds=result.seconds,
    )


def _failed(desk: Desk, node_id: str, detail: str) -> rec.ReplayJudged:
    governance = desk.contract.governance
    return rec.ReplayJudged(
        node_id=node_id,
        outcome=ReplayOutcome.FAILED,
        backend_label=f"not_replayed.{governance.replay_backend}",
        relative_difference=None,
        relative_bound=governance.replay_relative_bound,
        max_loss_difference=None,
        loss_bound=governance.replay_loss_bound,
        receipt_digest=None,
        replayed_sha256=None,
        detail=detail[:4000],
    )


async def score(desk: Desk) -> None:
    """Mean held-out loss of the base, of each contribution and of the merge, on the validator's backend."""
    merged = desk.state.merged
    assert merged is not None
    adapter, plan = desk.contract.adapter, read_plan(desk)
    subjects = [ScoreSubject(subject="base", adapter_path=None, alpha=adapter.alpha, rank=adapter.rank)]
    for node_id in sorted(desk.state.nodes):
        path = str(desk.paths.artifacts / node_id / ADAPTER_FILE)
        subjects.append(ScoreSubject(subject=node_id, adapter_path=path, alpha=adapter.alpha, rank=adapter.rank))
    scale = adapter.alpha / adapter.rank
    path = str(desk.paths.artifacts / "merged" / ADAPTER_FILE)
    subjects.append(ScoreSubject(subject="merge", adapter_path=path, alpha=scale * merged.rank, rank=merged.rank))
    job = ScoreJob(
        model_dir=desk.spec.model_dir,
        head_sha256=plan.head.sha256,
        held_out_path=str(desk.paths.artifacts / HELD_OUT_FILE),
        subjects=tuple(subjects),
        backend=desk.contract.governance.replay_backend,
        threads=desk.contract.recipe.threads,
        chunk_tokens=desk.contract.recipe.chunk_tokens,
    )

    def on_progress(progress: Progress) -> None:
        desk.working("score", None, progress.done, progress.total, progress.stage)

    result = await run_job("score", job, ScoreResult, on_progress, log=desk.paths.log)
    receipt = ScoreReceipt.seal(
        run_id=desk.spec.run_id,
        window_id=plan.window_id,
        held_out_sha256=plan.held_out_shard.sha256,
        device=result.device,
        scores=result.scores,
    )
    write_durable(desk.paths.receipts / "score.json", receipt.to_bytes())
    desk.note(rec.Scored(scores=result.scores, receipt_digest=receipt.digest))
