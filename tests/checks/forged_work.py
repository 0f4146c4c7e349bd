"""What follows from the work of a forged run: merge, scores and promotion."""

import json
from typing import TYPE_CHECKING

from console.aggregation.merge import WeightedAdapter, merge, sample_weights
from console.aggregation.promotion import PUBLISH_REASON, gates
from console.validation.adapter import Adapter, adapter_bytes
from runners.contract import receipts
from runners.contract.adapter_config import adapter_config_bytes
from runners.contract.canonical import readable_bytes
from runners.contract.coordinator_records import ReplayJudged
from runners.contract.document import word_from_json
from runners.contract.plan import ADAPTER_CONFIG_FILE as CONFIG
from runners.contract.plan import ADAPTER_FILE as ADAPTER
from runners.contract.plan import RECEIPT_FILE as RECEIPT
from runners.contract.states import Disposition
from tests.checks.forged_hosts import MAC, NODES, RUN_ID
from tests.checks.forged_plan import ALPHA, RANK
from tests.checks.forged_training import replay_record
from tests.checks.tiny_training import Trained, Weights, mean_loss

if TYPE_CHECKING:
    from tests.checks.forge import Forge


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
