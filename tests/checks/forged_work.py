"""The work of a forged run: contributions, replays, merge, scores and promotion."""

import json
from typing import TYPE_CHECKING

import numpy as np

from console.aggregation.merge import WeightedAdapter, merge, sample_weights
from console.aggregation.promotion import PUBLISH_REASON, gates
from console.coordination.planning import parts
from console.validation.adapter import Adapter, adapter_bytes
from console.validation.replay_comparison import compare
from runners.contract import receipts
from runners.contract.adapter_config import adapter_config_bytes
from runners.contract.canonical import readable_bytes
from runners.contract.coordinator_records import ReplayJudged
from runners.contract.document import word_from_json
from runners.contract.plan import ADAPTER_CONFIG_FILE as CONFIG
from runners.contract.plan import ADAPTER_FILE as ADAPTER
from runners.contract.plan import RECEIPT_FILE as RECEIPT
from runners.contract.states import Disposition
from tests.checks.forged_hosts import MAC, NODES, RUN_ID, STEPS
from tests.checks.forged_plan import ALPHA, RANK
from tests.checks.resealing import Body
from tests.checks.tiny_training import Trained, Weights, mean_loss, train

if TYPE_CHECKING:
    from tests.checks.forge import Forge

FARTHEST = 1e6  # a receipt holds finite figures only, also where a lie makes the reference delta zero


def _train(run: "Forge", node: str, rounding: type[np.floating]) -> Trained:
    index = NODES.index(node)
    samples = parts(run.contract, 16)[index].sample_indices
    assignment = run.plan.assignment(node)
    shard = run.train_shard.take(samples)
    return train(run.head, shard, run.start, run.contract.adapter, run.contract.recipe, assignment.batches, rounding)


def contribute(run: "Forge", node: str) -> None:
    assignment = run.plan.assignment(node)
    result = _train(run, node, np.float32 if node == MAC else np.float64)
    if run.lies.trained:
        result = run.lies.trained(run, node, result)
    run.results[node] = result
    raw = adapter_bytes(result.a, result.b, {"format": "pt", "swarm_assignment": assignment.digest})
    adapter = run.store(f"retained_artifacts/{node}/{ADAPTER}", raw)
    config_raw = adapter_config_bytes(rank=RANK, alpha=ALPHA, base_label="forged")
    config = run.store(f"retained_artifacts/{node}/{CONFIG}", config_raw)
    batches = assignment.batches
    run.seal(
        f"retained_artifacts/{node}/{RECEIPT}", run.paths.artifacts / node / RECEIPT, receipts.ContributorReceipt,
        run_id=RUN_ID, window_id=run.plan.window_id, revision=run.lies.revision, node_id=node,
        assignment_digest=assignment.digest, contract_digest=run.contract.digest, device=run.device(node),
        software=run.software(node), initial_adapter_sha256=assignment.initial_adapter.sha256,
        slice_sha256=assignment.slice.shard.sha256, head_sha256=assignment.head.sha256, adapter=adapter,
        adapter_config=config, steps=STEPS, samples_presented=sum(len(batch) for batch in batches),
        distinct_samples=len({index for batch in batches for index in batch}), tokens_presented=64,
        step_losses=result.losses, started_wall_ms=1_790_000_002_000, finished_wall_ms=1_790_000_005_000,
        train_seconds=3.0,
    )  # fmt: skip


def replay(run: "Forge", node: str) -> None:
    assignment = run.plan.assignment(node)
    result = _train(run, node, np.float32)
    if run.lies.replayed:
        result = run.lies.replayed(run, node, result)
    run.replays[node] = result
    raw = adapter_bytes(result.a, result.b, {"format": "pt", "swarm_assignment": assignment.digest})
    file = run.store(f"retained_artifacts/replayed_{node}/{ADAPTER}", raw)
    receipt = run.documents[f"retained_artifacts/{node}/{RECEIPT}"]
    governance = run.contract.governance
    device = run.device(MAC)
    comparison = compare(
        adapter_of(run.results[node]), receipt.step_losses, adapter_of(result), result.losses, governance,
        same_backend=receipt.device == device,
    )  # fmt: skip
    run.seal(
        f"receipts/replay_{node}.json", run.paths.receipts / f"replay_{node}.json", receipts.ReplayReceipt,
        run_id=RUN_ID, window_id=run.plan.window_id, revision=run.lies.revision, node_id=node,
        assignment_digest=assignment.digest, contributor_backend_label=receipt.device.backend_label,
        replay_device=device, replay_software=run.software(MAC), contribution_sha256=receipt.adapter.sha256,
        replayed_adapter=file, outcome=comparison.outcome,
        relative_difference=min(comparison.relative_difference, FARTHEST),
        relative_bound=governance.replay_relative_bound,
        max_loss_difference=comparison.max_loss_difference, loss_bound=governance.replay_loss_bound,
        step_losses=result.losses, replay_seconds=1.5,
    )  # fmt: skip


def adapter_of(trained: Trained) -> Adapter:
    return Adapter(trained.a, trained.b, ALPHA, {})


def merge_deltas(run: "Forge") -> None:
    counts = {node: len(run.plan.assignment(node).slice.sample_ids) for node in sorted(NODES)}
    weights = sample_weights(counts)
    outcome = merge(tuple(WeightedAdapter(adapter_of(run.results[node]), w) for node, w in weights.items()))
    run.merged = run.lies.merged(run, outcome.merged) if run.lies.merged else outcome.merged
    raw = adapter_bytes(run.merged.a, run.merged.b, {"format": "pt", "swarm_window": run.plan.digest})
    adapter = run.store(f"retained_artifacts/merged/{ADAPTER}", raw)
    config = json.loads(adapter_config_bytes(rank=RANK, alpha=ALPHA, base_label="forged"))
    config |= {"r": run.merged.rank, "lora_alpha": run.merged.alpha}
    config_file = run.store(f"retained_artifacts/merged/{CONFIG}", readable_bytes(config))
    shares = tuple(
        receipts.MergedContribution(
            node_id=node,
            adapter_sha256=run.documents[f"retained_artifacts/{node}/{RECEIPT}"].adapter.sha256,
            samples=counts[node],
            weight_numerator=weight.numerator,
            weight_denominator=weight.denominator,
        )
        for node, weight in weights.items()
    )
    run.seal(
        "retained_artifacts/merged_artifact_report.json", run.paths.artifacts / "merged_artifact_report.json",
        receipts.MergeReport, run_id=RUN_ID, window_id=run.plan.window_id,
        rule="weighted_mean_of_deltas.rank_stacking", contributions=shares, merged_adapter=adapter,
        merged_adapter_config=config_file, rank=run.merged.rank, alpha=run.merged.alpha,
        delta_norm=outcome.delta_norm, residual=outcome.residual,
    )  # fmt: skip


def score(run: "Forge") -> None:
    scale = ALPHA / RANK
    subjects: list[tuple[str, Weights | None]] = [("base", None)]
    subjects += [(node, (run.results[node].a, run.results[node].b)) for node in sorted(NODES)]
    subjects += [("merge", (run.merged.a, run.merged.b))]
    scores = tuple(
        receipts.HeldOutScore(
            subject=name,
            mean_loss=mean_loss(run.head, run.held_out, weights, scale),
            tokens=len(run.held_out.targets),
        )
        for name, weights in subjects
    )
    run.scores = run.seal(
        "receipts/score.json", run.paths.receipts / "score.json", receipts.ScoreReceipt, run_id=RUN_ID,
        window_id=run.plan.window_id, held_out_sha256=run.plan.held_out_shard.sha256, device=run.device(MAC),
        scores=scores,
    )  # fmt: skip


def promote(run: "Forge") -> None:
    replays = {node: word_from_json(ReplayJudged, replay_record(run, node)) for node in NODES}
    accepted = dict.fromkeys(NODES, Disposition.ACCEPTED)
    values = gates(accepted, replays, run.scores.scores, run.contract.governance)
    run.promotion = run.seal(
        "receipts/promotion.json", run.paths.receipts / "promotion.json", receipts.PromotionReceipt,
        run_id=RUN_ID, window_id=run.plan.window_id,
        disposition="promoted" if all(gate.passed for gate in values) else "held", gates=values,
        merged_adapter_sha256=run.documents["retained_artifacts/merged_artifact_report.json"].merged_adapter.sha256,
        publish_disposition="refused", publish_reason=PUBLISH_REASON,
    )  # fmt: skip


def replay_record(run: "Forge", node: str) -> Body:
    receipt = run.documents[f"receipts/replay_{node}.json"]
    body: Body = receipt.to_json()
    names = ("node_id", "outcome", "relative_difference", "relative_bound", "max_loss_difference", "loss_bound")
    return {
        **{name: body[name] for name in names},
        "backend_label": receipt.replay_device.backend_label,
        "receipt_digest": receipt.digest,
        "replayed_sha256": receipt.replayed_adapter.sha256,
        "detail": "",
    }
