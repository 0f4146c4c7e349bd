"""Accepted contributions become one candidate, and the candidate meets its gates."""

import asyncio
import json

from console.aggregation.merge import MergeOutcome, WeightedAdapter, merge, sample_weights
from console.aggregation.promotion import PUBLISH_REASON, gates
from console.coordination.desk import Desk
from console.coordination.works.preparing import read_plan
from console.validation.adapter import adapter_bytes, read_adapter
from runners.contract import coordinator_records as rec
from runners.contract.adapter_config import adapter_config_bytes
from runners.contract.canonical import sha256_hex
from runners.contract.document import word_from_json
from runners.contract.plan import ADAPTER_CONFIG_FILE, ADAPTER_FILE, FileRef, WindowPlan
from runners.contract.receipts import MergedContribution, MergeReport, PromotionReceipt
from runners.records.durable import write_durable


async def merge_contributions(desk: Desk) -> None:
    """Weights come from the slices' sample counts, and the same integers stand in every document."""
    plan = read_plan(desk)
    counts = {node_id: len(plan.assignment(node_id).slice.sample_ids) for node_id in sorted(desk.state.nodes)}
    weights = sample_weights(counts)
    parts = []
    for node_id, weight in weights.items():
        raw = (desk.paths.artifacts / node_id / ADAPTER_FILE).read_bytes()
        adapter = read_adapter(raw, alpha=desk.contract.adapter.alpha, name=node_id)
        parts.append(WeightedAdapter(adapter, weight))
    outcome = await asyncio.to_thread(merge, tuple(parts))
    files = _write_merged(desk, outcome)
    contributions = tuple(
        MergedContribution(
            node_id=node_id,
            adapter_sha256=sha256_hex((desk.paths.artifacts / node_id / ADAPTER_FILE).read_bytes()),
            samples=counts[node_id],
            weight_numerator=weight.numerator,
            weight_denominator=weight.denominator,
        )
        for node_id, weight in weights.items()
    )
    report = _report(plan, contributions, outcome, files)
    write_durable(desk.paths.artifacts / "merged_artifact_report.json", report.to_bytes())
    desk.note(
        rec.Merged(
            report_digest=report.digest,
            merged_sha256=files[0].sha256,
            rank=outcome.merged.rank,
            contributions=contributions,
        )
    )


def _report(
    plan: WindowPlan,
    contributions: tuple[MergedContribution, ...],
    outcome: MergeOutcome,
    files: tuple[FileRef, FileRef],
) -> MergeReport:
    return MergeReport.seal(
        run_id=plan.run_id,
        window_id=plan.window_id,
        rule="weighted_mean_of_deltas.rank_stacking",
        contributions=contributions,
        merged_adapter=files[0],
        merged_adapter_config=files[1],
        rank=outcome.merged.rank,
        alpha=outcome.merged.alpha,
        delta_norm=outcome.delta_norm,
        residual=outcome.residual,
    )


def _write_merged(desk: Desk, outcome: MergeOutcome) -> tuple[FileRef, FileRef]:
    folder = desk.paths.artifacts / "merged"
    folder.mkdir(exist_ok=True)
    first = desk.paths.artifacts / min(desk.state.nodes) / ADAPTER_CONFIG_FILE
    label = json.loads(first.read_bytes())["base_model_name_or_path"]
    config = adapter_config_bytes(rank=outcome.merged.rank, alpha=outcome.merged.alpha, base_label=label)
    metadata = {"format": "pt", "swarm_window": read_plan(desk).digest}
    files = {
        ADAPTER_FILE: adapter_bytes(outcome.merged.a, outcome.merged.b, metadata),
        ADAPTER_CONFIG_FILE: config,
    }
    for name, data in files.items():
        write_durable(folder / name, data)
    adapter, described = (
        FileRef(name=name, size_bytes=len(data), sha256=sha256_hex(data)) for name, data in files.items()
    )
    return adapter, described


async def promote(desk: Desk) -> None:
    """Gates from evidence; either disposition is a normal outcome, and neither publishes anything."""
    state, plan = desk.state, read_plan(desk)
    assert state.scored is not None and state.merged is not None
    values = gates(
        {node_id: node.disposition for node_id, node in state.nodes.items()},
        {node_id: node.replay for node_id, node in state.nodes.items() if node.replay is not None},
        state.scored.scores,
        desk.contract.governance,
    )
    disposition = "promoted" if all(gate.passed for gate in values) else "held"
    receipt = PromotionReceipt.seal(
        run_id=plan.run_id,
        window_id=plan.window_id,
        disposition=disposition,
        gates=values,
        merged_adapter_sha256=state.merged.merged_sha256,
        publish_disposition="refused",
        publish_reason=PUBLISH_REASON,
    )
    write_durable(desk.paths.receipts / "promotion.json", receipt.to_bytes())
    body = {
        "disposition": disposition,
        "gates": [gate.to_json() for gate in values],
        "publish_disposition": "refused",
        "publish_reason": PUBLISH_REASON,
        "receipt_digest": receipt.digest,
    }
    desk.note(word_from_json(rec.PromotionDecided, body))
