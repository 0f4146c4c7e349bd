"""The validator's second work: held-out loss of the base, of each contribution and of their merge."""

from console.coordination.desk import Desk
from console.coordination.job import run_job
from console.coordination.planning import HELD_OUT_FILE
from console.coordination.works.preparing import read_plan
from runners.contract import coordinator_records as rec
from runners.contract.jobs import Progress, ScoreJob, ScoreResult, ScoreSubject
from runners.contract.plan import ADAPTER_FILE
from runners.contract.receipts import ScoreReceipt
from runners.records.durable import write_durable


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
