"""Lies about the work and the merge."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from console.aggregation.merge import WeightedAdapter, merge
from console.validation.adapter import Adapter
from runners.contract.plan import ADAPTER_CONFIG_FILE as CONFIG
from runners.contract.plan import RECEIPT_FILE as RECEIPT
from tests.checks.defects import (
    Body,
    Defect,
    coordinator,
    document,
    first,
    own,
    said,
    sets,
)
from tests.checks.forge import Forge
from tests.checks.forged_hosts import LINUX, MAC
from tests.checks.forged_journal import Said
from tests.checks.forged_plan import RANK
from tests.checks.forged_work import adapter_of
from tests.checks.lies import Lies
from tests.checks.resealing import rewrite
from tests.checks.tiny_training import Trained

OTHER = "e" * 64

REPORT = "retained_artifacts/merged_artifact_report.json"


def _start_instead(run: Forge, node: str, result: Trained) -> Trained:
    """Nothing was trained: the initial adapter under another name."""
    return replace(result, a=run.start, b=np.zeros_like(result.b)) if node == LINUX else result


def _copy_of_the_contribution(run: Forge, node: str, _: Trained) -> Trained:
    return run.results[node]


def _skipped_a_step(run: Forge, node: str, result: Trained) -> Trained:
    return replace(result, b=result.b * np.float32(1.01)) if node == LINUX else result


def _claims_tolerance(body: Body) -> None:
    body |= {"outcome": "within_tolerance", "relative_difference": 3e-6, "max_loss_difference": 1e-6}
    body["segments"][-1]["outcome"] = "within_tolerance"


def _never_ran() -> Lies:
    return Lies(replayed=_start_instead, documents={f"receipts/replay_{LINUX}.json": _claims_tolerance})


def _never_trained() -> Lies:
    return Lies(
        trained=_start_instead,
        replayed=_start_instead,
        documents={f"receipts/replay_{LINUX}.json": _claims_tolerance},
    )


def _ran_otherwise() -> Lies:
    return Lies(replayed=_skipped_a_step, documents={f"receipts/replay_{LINUX}.json": _claims_tolerance})


def _dora(data: bytes) -> bytes:
    return data.replace(b'"use_rslora": false', b'"use_rslora": true')


def _tight_norm(body: Body) -> None:
    body["governance"]["delta_norm_bound"] = 0.001


def _factors_averaged(run: Forge, merged: Adapter) -> Adapter:
    """A and B averaged one by one and stacked twice, so that rank and shapes are right."""
    a = sum((run.results[node].a for node in (MAC, LINUX)), np.zeros((RANK, 8), np.float32)) / np.float32(2)
    b = sum((run.results[node].b for node in (MAC, LINUX)), np.zeros((32, RANK), np.float32)) / np.float32(4)
    return Adapter(np.vstack([a, a]), np.hstack([b, b]), merged.alpha, {})


def _weights(body: Body) -> None:
    for share, numerator in zip(body["contributions"], (3, 1), strict=True):
        share |= {"weight_numerator": numerator, "weight_denominator": 4}


def _merged_by_other_weights() -> Lies:
    """The merge was really made so, and its scores and gates are those of that merge."""
    told: Body = {}

    def merged(run: Forge, _: Adapter) -> Adapter:
        shares = ((LINUX, Fraction(3, 4)), (MAC, Fraction(1, 4)))
        outcome = merge(tuple(WeightedAdapter(adapter_of(run.results[node]), weight) for node, weight in shares))
        told.update(delta_norm=outcome.delta_norm, residual=outcome.residual)
        return outcome.merged

    def report(body: Body) -> None:
        _weights(body)
        body |= told

    return Lies(merged=merged, documents={REPORT: report})


def _journaled_weights(body: Body) -> None:
    body["contributions"][0] |= {"weight_numerator": 3, "weight_denominator": 4}


def _gate_missing(body: Body) -> None:
    body["gates"].pop(2)


def _promoted_anyway() -> Lies:
    def high_bar(body: Body) -> None:
        body["governance"]["minimum_improvement"] = 9.0

    def promoted(body: Body) -> None:
        body["disposition"] = "promoted"
        body["gates"][2]["passed"] = True

    return Lies(contract=high_bar, documents={"receipts/promotion.json": promoted})


def _held_anyway(body: Body) -> None:
    body["disposition"] = "held"


def _flattering_value(body: Body) -> None:
    body["gates"][2]["value"] = "9.500000 nats per token below the base"


def _scores(bundle: Path) -> None:
    def better(body: Body) -> None:
        contributors = [score for score in body["held_out_scores"] if score["subject"] in (LINUX, MAC)]
        min(contributors, key=lambda score: score["mean_loss"])["mean_loss"] = 0.1  # the worse one bounds a gate

    rewrite(bundle / "first_swarm_real_run_bundle.json", better)


def _card_of_a_processor(records: list[Said]) -> list[Said]:
    """Figures that a card would have, of a host that computes on its processor."""
    card = {"used_bytes": 12 << 30, "total_bytes": 16 << 30, "busy_percent": 93, "temperature_c": 71,
            "power_mw": 304_881, "power_limit_mw": 320_000, "slowing": [], "processes": 1}  # fmt: skip
    told = Said("accelerator_read", {"device_label": "cuda:0", "held": None, "card": card, "trouble": None}, 0)
    place = records.index(first(records, "began", None))
    return [*records[:place], replace(told, mono_ms=records[place].mono_ms), *records[place:]]


WORK = (
    Defect("card_of_a_processor", "accelerators_are_those_that_compute", own(LINUX, _card_of_a_processor)),
    Defect("seen_other_bytes_than_produced", "produced_is_seen_and_kept", coordinator(
        said("contribution_seen", lambda body: body["files"][0].update(sha256=OTHER), LINUX)
    )),
    Defect("judged_other_bytes", "submissions_are_the_kept_bytes", coordinator(
        said("submission_judged", sets(adapter_sha256=OTHER), LINUX)
    )),
    Defect("config_changes_the_scale", "adapters_have_the_planned_shape", lambda: Lies(
        files={f"retained_artifacts/{LINUX}/{CONFIG}": _dora}
    )),
    Defect("receipt_of_fewer_steps", "receipts_speak_of_this_work", document(
        f"retained_artifacts/{LINUX}/{RECEIPT}", sets(steps=3)
    )),
    Defect("contribution_that_never_trained", "work_left_a_trace", _never_trained),
    Defect("contribution_past_the_norm", "work_left_a_trace", lambda: Lies(contract=_tight_norm), also=(
        "checkpoints_are_whole",
    )),
    Defect("replay_that_never_ran", "work_left_a_trace", _never_ran),
    Defect("replay_that_ran_otherwise", "segment_figures_are_recomputed", _ran_otherwise),
    Defect("replay_copied_from_the_contribution", "segment_figures_are_recomputed", lambda: Lies(
        replayed=_copy_of_the_contribution
    )),
    Defect("replay_losses_invented", "segment_figures_are_recomputed", document(
        f"receipts/replay_{LINUX}.json", lambda body: body["step_losses"].__setitem__(0, 1.0)
    )),
    Defect("replay_under_a_looser_bound", "replays_are_about_this_work", document(
        f"receipts/replay_{LINUX}.json", lambda body: body["tolerance"].update(relative_bound=0.5)
    )),
    Defect("replay_of_other_bytes", "replays_are_about_this_work", document(
        f"receipts/replay_{LINUX}.json", sets(contribution_sha256=OTHER)
    )),
    Defect("replay_journaled_better", "replays_are_journaled_as_they_are", coordinator(
        said("replay_judged", sets(relative_difference=0.0), LINUX)
    )),
)  # fmt: skip

MERGE = (
    Defect("merge_is_not_the_mean", "merge_is_the_mean", lambda: Lies(merged=_factors_averaged)),
    Defect("weights_are_not_the_samples", "weights_are_the_sample_counts", _merged_by_other_weights),
    Defect("weights_other_than_merged_by", "weights_are_the_sample_counts", document(REPORT, _weights), also=(
        "merge_is_the_mean",
    )),
    Defect("weights_differ_in_the_journal", "weights_are_the_sample_counts", coordinator(
        said("merged", _journaled_weights)
    )),
    Defect("scores_better_in_the_bundle", "scores_agree", after=_scores),
    Defect("score_of_other_tokens", "scores_agree", document(
        "receipts/score.json", lambda body: body["scores"][0].update(tokens=3)
    )),
    Defect("promotion_without_a_gate", "gates_follow_from_evidence", document(
        "receipts/promotion.json", _gate_missing
    )),
    Defect("promoted_below_the_bar", "gates_follow_from_evidence", _promoted_anyway),
    Defect("held_in_spite_of_the_gates", "gates_follow_from_evidence", document(
        "receipts/promotion.json", _held_anyway
    )),
    Defect("gate_with_a_flattering_value", "gates_follow_from_evidence", document(
        "receipts/promotion.json", _flattering_value
    )),
    Defect("refused_to_publish_without_a_reason", "nothing_was_published", document(
        "receipts/promotion.json", sets(publish_reason="")
    )),
)  # fmt: skip
DEFECTS = (
    *WORK,
    *MERGE,
)
